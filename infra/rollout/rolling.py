"""Bring the group to the target, follow it to its end, and verify what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from infra.rollout.decide import (
    Adopt,
    Refuse,
    WaitForHealth,
    decide_first_step,
    describe,
    describe_count,
    describe_missing,
    describe_progress,
    find_first_failing,
    find_off_target,
)
from infra.rollout.errors import RefreshInProgressError, RolloutDeadlineError, RolloutError
from infra.rollout.plan import plan_batches
from infra.rollout.refreshes import LONGEST_POLL_DELAY_SECONDS, Refreshes, read_poll_delay_seconds
from infra.rollout.values import Fleet, Preferences, Refresh, Target

ATTEMPTS_TO_START = 3
QUIET_SECONDS = 30.0
REFUSED_LAUNCHES_TO_GIVE_UP = 3
"""The first refusals may pass: a new instance profile is not known everywhere at once (IAM user guide,
"Troubleshooting IAM", eventual consistency), and Auto Scaling tries again by itself."""


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
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    _began: float = 0.0
    _failing: str = ""
    _last_line: str = ""
    _last_subject: str = ""
    _last_told: float = 0.0

    def run(self) -> Outcome:
        """Return when every in-service instance runs the target and is healthy; raise RolloutError if not."""
        self._began = self.clock()
        old_version = self.refreshes.describe_group(self.group_name).launch_template_version
        refresh_id = self._start_or_adopt()
        if refresh_id is not None:
            refresh = self._follow(refresh_id)
            if refresh.status != "Successful":
                self._fail(refresh, old_version)
        return Outcome(refresh_id=refresh_id, instances=self._wait_for_health())

    def _start_or_adopt(self) -> str | None:
        """The refresh that leads to the target; None when there is nothing to replace."""
        for _ in range(ATTEMPTS_TO_START):
            group = self.refreshes.describe_group(self.group_name)
            step = decide_first_step(group, self.refreshes.find_running(self.group_name), self.target)
            if isinstance(step, Refuse):
                raise RefreshInProgressError(step.reason)
            if isinstance(step, WaitForHealth):
                self._tell(f"no instance to replace, {group.name} is on {self.target.ami_id}")
                return None
            if isinstance(step, Adopt):
                self._tell(f"{step.refresh_id} already leads to {self.target.ami_id}: following it")
                return step.refresh_id
            plan = plan_batches(
                group.desired_capacity,
                self.preferences.min_healthy_percentage,
                self.preferences.max_healthy_percentage,
            )
            refresh_id = self.refreshes.start(self.group_name, self.target, self.preferences)
            if refresh_id is not None:
                self._tell(f"{refresh_id} to {self.target.ami_id} started: {plan}")
                return refresh_id
            self.sleep(read_poll_delay_seconds())
        raise RefreshInProgressError(
            f"instance refreshes of {self.group_name} come and go: AWS refused {ATTEMPTS_TO_START} times to "
            "start one · none but this was expected · end what starts the others, then run pulumi up again"
        )

    def _describe_fleet(self) -> Fleet:
        """The group with the health of each instance."""
        group = self.refreshes.describe_group(self.group_name)
        health = self.refreshes.find_target_health(
            group.target_group_arns, [instance.instance_id for instance in group.instances]
        )
        return Fleet(group=group, health=health)

    def _looks(self, waits_for: str) -> Iterator[None]:
        """Come back at growing intervals until the deadline; then raise RolloutDeadlineError."""
        delay = read_poll_delay_seconds()
        while True:
            yield
            if self.clock() - self._began > self.timeout_seconds:
                raise RolloutDeadlineError(
                    f"{self.group_name} is not on {self.target.ami_id} after {self.timeout_seconds / 60:.0f} "
                    f"minutes: {self._last_line}{self._failing} · {waits_for} · AWS goes on with what was "
                    "started; run pulumi up again to follow it, or raise rolloutTimeoutMinutes"
                )
            self.sleep(delay)
            delay = max(delay, min(delay * 1.2, LONGEST_POLL_DELAY_SECONDS))

    def _follow(self, refresh_id: str) -> Refresh:
        """Tell each change of the refresh until it has ended; return its end."""
        for _ in self._looks("its instance refresh should have ended"):
            refresh = self.refreshes.find(self.group_name, refresh_id)
            if refresh is None:
                continue
            subject = f"{describe_count(refresh)}, {'with' if refresh.reason else 'without'} a reason"
            self._tell(describe_progress(refresh), subject)
            if not refresh.is_running:
                return refresh
            self._remember_failing(self._describe_fleet())
        raise AssertionError("unreachable")

    def _wait_for_health(self) -> int:
        """Wait until all that should serve serves the target; return how many do."""
        known_refusals = self.refreshes.find_failed_launches(self.group_name).keys()
        for _ in self._looks("every instance should be in service and healthy"):
            fleet = self._describe_fleet()
            self._require_on_target(fleet)
            missing = describe_missing(fleet)
            if not missing:
                serving = len(fleet.group.in_service)
                self._tell(f"all {serving} instances in service and healthy on {self.target.ami_id}")
                return serving
            self._tell(missing)
            self._remember_failing(fleet)
            refusals = self.refreshes.find_failed_launches(self.group_name)
            new = [message for activity_id, message in refusals.items() if activity_id not in known_refusals]
            if len(new) >= REFUSED_LAUNCHES_TO_GIVE_UP:
                raise RolloutError(
                    f"{self.group_name} cannot launch {self.target.ami_id}: {new[0]} · "
                    f"{fleet.group.desired_capacity} instances were expected · mend that and run pulumi up "
                    "again"
                )
        raise AssertionError("unreachable")

    def _require_on_target(self, fleet: Fleet) -> None:
        """Raise when an instance runs something else: nothing is under way that would replace it."""
        off_target = find_off_target(fleet.group, self.target)
        if off_target:
            stray = off_target[0]
            raise RolloutError(
                f"{stray.instance_id} of {self.group_name} is {stray.lifecycle_state} with {stray.ami_id} "
                f"(launch template version {stray.launch_template_version}), one of {len(off_target)} not on "
                f"{self.target.ami_id} (version {self.target.launch_template_version}) · none was expected · "
                "end its standby or scale-in protection, then run pulumi up again"
            )

    def _remember_failing(self, fleet: Fleet) -> None:
        """Note the first failing instance while it exists; after a rollback it is gone."""
        if not self._failing and (found := find_first_failing(fleet, self.target)):
            instance, health = found
            self._failing = f"; first failing instance {instance.instance_id}: {describe(health)}"

    def _fail(self, refresh: Refresh, old_version: str) -> NoReturn:
        """Say how the refresh ended, what the group runs now, and what to do."""
        version = self.refreshes.describe_group(self.group_name).launch_template_version
        now = self.refreshes.find_ami_of_version(self.target.launch_template_id, version)
        old = self.refreshes.find_ami_of_version(self.target.launch_template_id, old_version)
        verb = "runs" if refresh.status == "RollbackSuccessful" else "was left on"
        pin = f", or keep the old one: pulumi config set pinnedAmi {old}" if old else ""
        reason = refresh.rollback_reason or refresh.reason or "AWS gives no reason"
        raise RolloutError(
            f"rollout of {self.target.ami_id} to {self.group_name} ended {refresh.status}: "
            f"{reason}{self._failing} · the group {verb} {now or 'no AMI'} "
            f"(launch template version {version}) · mend the image and run pulumi up again{pin}"
        )

    def _tell(self, line: str, subject: str = "") -> None:
        """Say *line* with the time since the start, unless it is what was said last.

        AWS's reason names another instance at almost every look: another line on the same *subject* waits.
        """
        now = self.clock()
        is_news = not subject or subject != self._last_subject
        if line != self._last_line and (is_news or now - self._last_told >= QUIET_SECONDS):
            self._last_line, self._last_subject, self._last_told = line, subject, now
            self.say(f"rollout {now - self._began:4.0f} s  {line}")
