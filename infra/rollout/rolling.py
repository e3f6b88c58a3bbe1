"""Bring the group to the target, follow it to its end, and verify what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

from infra.rollout.alarms import find_obstacle
from infra.rollout.decide import (
    Adopt,
    CancelOther,
    Refuse,
    Start,
    WaitForHealth,
    decide_first_step,
)
from infra.rollout.errors import (
    RefreshInProgressError,
    RolloutDeadlineError,
    RolloutError,
    StartUnansweredError,
)
from infra.rollout.evidence import Evidence
from infra.rollout.following import Follower
from infra.rollout.plan import describe_plan, find_warnings
from infra.rollout.polling import poll_delays
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Group, Refresh, Target
from infra.rollout.verifying import Verifier
from infra.rollout.wording import describe_end, describe_other

REFUSALS_TO_GIVE_UP = 5
"""AWS may say for a moment that a refresh is in progress and not show it yet."""


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
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(self) -> Outcome:
        """Return when every in-service instance runs the target and is healthy; raise RolloutError if not."""
        self._teller = Teller(say=self.say, clock=self.clock)
        self._evidence = Evidence(refreshes=self.refreshes, target=self.target)
        group, refresh_id, is_own = self._start_or_adopt()
        if refresh_id is not None:
            follower = Follower(
                refreshes=self.refreshes,
                group_name=self.group_name,
                target=self.target,
                evidence=self._evidence,
                teller=self._teller,
                looks=self._looks,
            )
            refresh = follower.follow(refresh_id, total=group.desired_capacity, is_own=is_own)
            if refresh.status != "Successful":
                self._fail(refresh, group.launch_template_version)
        verifier = Verifier(
            refreshes=self.refreshes,
            group_name=self.group_name,
            target=self.target,
            ignores_standby=self._ignores_standby,
            evidence=self._evidence,
            teller=self._teller,
            looks=self._looks,
        )
        return Outcome(refresh_id=refresh_id, instances=verifier.wait_for_health())

    @property
    def _ignores_standby(self) -> bool:
        return self.preferences.standby_instances == "Ignore"

    def _start_or_adopt(self) -> tuple[Group, str | None, bool]:
        """The group before, the refresh that leads to the target, if one has to, and whether it is ours."""
        refusals, may_have_started = 0, False
        newest_before: str | None = None
        for _ in self._looks("another instance refresh should have ended"):
            group = self.refreshes.describe_group(self.group_name)
            if self._ignores_standby:
                group = group.without_standby()
            newest = self.refreshes.find_newest(self.group_name)
            is_new = newest is not None and newest.refresh_id != newest_before
            if may_have_started and newest and is_new and newest.leads_to(self.target):
                # The answer to our request was lost, or another run with the same target was faster.
                return self._adopt(group, newest.refresh_id)
            running = newest if newest and newest.is_running else None
            step = decide_first_step(
                group, running, self.target, on_refresh_in_progress=self.on_refresh_in_progress
            )
            if isinstance(step, Adopt):
                return self._adopt(group, step.refresh_id)
            if isinstance(step, WaitForHealth):
                self._teller.tell(f"no instance to replace, {group.name} is on {self.target.ami_id}")
                return group, None, False
            if isinstance(step, Refuse):
                raise RefreshInProgressError(step.reason)
            if isinstance(step, Start):
                if self._waits_for_alarms():
                    continue
                newest_before = newest.refresh_id if newest else None
                may_have_started = True
                try:
                    refresh_id = self._start(group)
                except StartUnansweredError as error:
                    self._teller.tell(f"AWS does not answer the start of a refresh ({error}), looking again")
                    continue
                if refresh_id is not None:
                    return group, refresh_id, True
                refusals += 1
                if refusals >= REFUSALS_TO_GIVE_UP:
                    break
            elif running:
                self._make_way(running, is_cancelled=isinstance(step, CancelOther))
        raise RefreshInProgressError(
            f"instance refreshes of {self.group_name} come and go: AWS did not start one in {refusals} tries "
            "· none but this was expected · end what starts the others, then run pulumi up again"
        )

    def _waits_for_alarms(self) -> bool:
        """Whether AWS would not start a refresh that watches the alarms yet; raises RolloutError if never."""
        names = self.preferences.alarm_names
        alarms = self.refreshes.find_alarms(names)
        obstacle = find_obstacle(self.group_name, names, alarms, self._teller.seconds)
        if obstacle is None:
            return False
        if obstacle.is_final:
            raise RolloutError(obstacle.line)
        self._teller.tell(obstacle.line)
        return True

    def _start(self, group: Group) -> str | None:
        refresh_id = self.refreshes.start(self.group_name, self.target, self.preferences)
        if refresh_id is not None:
            for warning in find_warnings(group.desired_capacity, self.preferences):
                self._teller.add(warning)
            plan = describe_plan(group.desired_capacity, self.preferences)
            self._teller.tell(f"{refresh_id} to {self.target.ami_id} started: {plan}")
        return refresh_id

    def _adopt(self, group: Group, refresh_id: str) -> tuple[Group, str, bool]:
        self._teller.tell(f"{refresh_id} already leads to {self.target.ami_id}: following it")
        return group, refresh_id, False

    def _make_way(self, other: Refresh, *, is_cancelled: bool) -> None:
        """Wait for somebody else's refresh, which is cancelled first where that is wished."""
        if is_cancelled and self.refreshes.cancel(self.group_name) is not None:
            self._teller.tell(f"cancels refresh {other.refresh_id}, as onRefreshInProgress says")
        else:
            self._teller.tell(describe_other(other), describe_other(replace(other, reason="")))

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
