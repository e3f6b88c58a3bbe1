"""Bring the group to the target, follow it to its end, and verify what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from infra.rollout.aws_errors import AWS_ERRORS
from infra.rollout.beginning import Beginning
from infra.rollout.errors import RolloutDeadlineError, RolloutError
from infra.rollout.evidence import Evidence
from infra.rollout.following import Follower
from infra.rollout.marking import explain_no_mark
from infra.rollout.polling import poll_delays
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Refresh, Target
from infra.rollout.verifying import Verifier
from infra.rollout.wording import describe_end


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A rollout that succeeded: its refresh (None where nothing had to be replaced) and how many serve."""

    refresh_id: str | None
    instances: int


@dataclass(kw_only=True)
class Rollout:
    """One rollout of one group."""

    refreshes: Refreshes
    group_name: str
    target: Target
    preferences: Preferences
    timeout_seconds: float
    say: Callable[[str], None]
    on_refresh_in_progress: str = "fail"
    stack: str = ""
    """What the AMI is marked as verified in once it is rolled out; where it is empty, nothing is."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(self) -> Outcome:
        """Return when every in-service instance runs the target and is healthy; raise RolloutError if not."""
        self._teller = Teller(say=self.say, clock=self.clock)
        self._evidence = Evidence(refreshes=self.refreshes, target=self.target)
        begun = Beginning(
            refreshes=self.refreshes,
            group_name=self.group_name,
            target=self.target,
            preferences=self.preferences,
            on_refresh_in_progress=self.on_refresh_in_progress,
            teller=self._teller,
            looks=self._looks,
        ).start_or_adopt()
        if begun.refresh_id is not None:
            follower = Follower(
                refreshes=self.refreshes,
                group_name=self.group_name,
                target=self.target,
                evidence=self._evidence,
                teller=self._teller,
                looks=self._looks,
            )
            refresh = follower.follow(
                begun.refresh_id, total=begun.group.desired_capacity, is_own=begun.is_own
            )
            if refresh.status != "Successful":
                self._fail(refresh, begun.group.launch_template_version)
        verifier = Verifier(
            refreshes=self.refreshes,
            group_name=self.group_name,
            target=self.target,
            ignores_standby=self.preferences.standby_instances == "Ignore",
            evidence=self._evidence,
            teller=self._teller,
            looks=self._looks,
        )
        instances = verifier.wait_for_health()
        if self.stack:
            self._mark_verified()
        return Outcome(refresh_id=begun.refresh_id, instances=instances)

    def _mark_verified(self) -> None:
        """Say on the AMI that it succeeded here: other stacks' gates ask for it."""
        ami_id = self.target.ami_id
        try:
            self.refreshes.mark_verified(ami_id, self.stack, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        except AWS_ERRORS as error:
            raise RolloutError(
                explain_no_mark(error, group_name=self.group_name, ami_id=ami_id, stack=self.stack)
            ) from None

    def _looks(self, waits_for: str) -> Iterator[None]:
        """Come back at growing intervals until the deadline; then raise RolloutDeadlineError."""
        for delay in poll_delays():
            yield
            if self._teller.seconds > self.timeout_seconds:
                raise RolloutDeadlineError(
                    f"{self.group_name} is not on {self.target.ami_id} after {self.timeout_seconds / 60:.0f} "
                    f"minutes: {self._teller.last_line}{self._evidence.ringing}{self._evidence.first} · "
                    f"{waits_for}; until then the group launches {self._find_ami_now() or 'no AMI'} · AWS "
                    "goes on with what was started; run pulumi up again to follow it, or raise "
                    "rolloutTimeoutMinutes"
                )
            self.sleep(delay)

    def _find_ami_now(self) -> str | None:
        """What the group launches by itself, whatever a refresh does."""
        version = self.refreshes.require_group(self.group_name).launch_template_version
        return self.refreshes.find_ami_of_version(self.target.launch_template_id, version)

    def _fail(self, refresh: Refresh, old_version: str) -> NoReturn:
        """Say how the refresh ended, what the group runs now, and what to do."""
        template = self.target.launch_template_id
        version = self.refreshes.require_group(self.group_name).launch_template_version
        raise RolloutError(
            describe_end(
                refresh,
                group_name=self.group_name,
                target=self.target,
                first_failing=self._evidence.ringing + self._evidence.first,
                version=version,
                ami_id=self.refreshes.find_ami_of_version(template, version),
                old_ami_id=self.refreshes.find_ami_of_version(template, old_version),
            )
        )
