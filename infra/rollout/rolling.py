"""Bring the group to the target, follow it to its end, and verify what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

from infra.rollout.decide import (
    Adopt,
    Refuse,
    Start,
    decide_first_step,
    describe,
    describe_missing,
    describe_plan,
    describe_progress,
    find_first_failing,
    find_off_target,
)
from infra.rollout.errors import RefreshInProgressError, RolloutDeadlineError, RolloutError
from infra.rollout.refreshes import LONGEST_POLL_DELAY_SECONDS, Refreshes, read_poll_delay_seconds
from infra.rollout.values import Fleet, Group, Preferences, Refresh, Target


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

    def run(self) -> Outcome:
        """Return when every in-service instance runs the target and is healthy; raise RolloutError if not."""
        self._began = self.clock()
        self._failing = ""
        group = self._describe_group()
        old_version = group.launch_template_version
        step = decide_first_step(group, self.refreshes.find_running(self.group_name), self.target)
        if isinstance(step, Refuse):
            raise RefreshInProgressError(step.reason)
        refresh_id: str | None = None
        if isinstance(step, Start):
            plan = describe_plan(
                group.desired_capacity,
                self.preferences.min_healthy_percentage,
                self.preferences.max_healthy_percentage,
            )
            refresh_id = self.refreshes.start(self.group_name, self.target, self.preferences)
            self._tell(f"{refresh_id} started to {self.target.ami_id}: {plan}")
        elif isinstance(step, Adopt):
            refresh_id = step.refresh_id
            self._tell(f"{refresh_id} already leads to {self.target.ami_id}; following it")
        else:
            self._tell(f"nothing to replace, {group.name} is on {self.target.ami_id}; waiting for its health")
        if refresh_id is not None:
            refresh = self._follow(refresh_id)
            if refresh.status != "Successful":
                self._fail(refresh, old_version)
        return Outcome(refresh_id=refresh_id, instances=self._wait_for_health())

    def _describe_group(self) -> Group:
        """The group with the AMI of each instance."""
        group = self.refreshes.describe_group(self.group_name)
        ami_ids = self.refreshes.find_ami_ids([instance.instance_id for instance in group.instances])
        return replace(
            group,
            instances=tuple(
                replace(instance, ami_id=ami_ids.get(instance.instance_id)) for instance in group.instances
            ),
        )

    def _describe_fleet(self) -> Fleet:
        """The group with the health of each instance."""
        group = self._describe_group()
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
                    f"minutes ({self._last_line}) · {waits_for}{self._failing} · AWS goes on with what was "
                    "started; run pulumi up again to follow it, or raise rolloutTimeoutMinutes"
                )
            self.sleep(delay)
            delay = max(delay, min(delay * 1.2, LONGEST_POLL_DELAY_SECONDS))

    def _follow(self, refresh_id: str) -> Refresh:
        """Tell each change of the refresh until it has ended; return its end."""
        for _ in self._looks("its instance refresh should have ended"):
            refresh = self.refreshes.describe(self.group_name, refresh_id)
            self._tell(describe_progress(refresh))
            if not refresh.is_running:
                return refresh
            self._remember_failing()
        raise AssertionError("unreachable")

    def _remember_failing(self) -> None:
        """Note the first failing instance while it exists; after a rollback it is gone."""
        if self._failing:
            return
        found = find_first_failing(self._describe_fleet(), self.target)
        if found is not None:
            instance, health = found
            self._failing = f"; first failing instance {instance.instance_id}: {describe(health)}"

    def _wait_for_health(self) -> int:
        """Wait until all that should serve serves the target; return how many do."""
        for _ in self._looks("every instance should be in service and healthy"):
            fleet = self._describe_fleet()
            off_target = find_off_target(fleet.group, self.target)
            if off_target:
                stray = off_target[0]
                raise RolloutError(
                    f"{stray.instance_id} of {self.group_name} runs {stray.ami_id} (launch template version "
                    f"{stray.launch_template_version}, {stray.lifecycle_state}), not {self.target.ami_id} "
                    f"(version {self.target.launch_template_version}) · every instance should run it · "
                    "take it out of standby or scale-in protection, then run pulumi up again"
                )
            missing = describe_missing(fleet)
            if not missing:
                self._tell(
                    f"{len(fleet.group.in_service)} instances in service and healthy on {self.target.ami_id}"
                )
                return len(fleet.group.in_service)
            self._tell(missing)
            self._fail_if_nothing_launches(fleet)
            self._remember_failing()
        raise AssertionError("unreachable")

    def _fail_if_nothing_launches(self, fleet: Fleet) -> None:
        """Raise when the group has no instance at all because AWS refuses to launch one."""
        if fleet.group.instances:
            return
        refusal = self.refreshes.find_last_failed_launch(self.group_name)
        if refusal is not None:
            raise RolloutError(
                f"{self.group_name} cannot launch {self.target.ami_id}: {refusal} · "
                f"{fleet.group.desired_capacity} instances were expected · mend that and run pulumi up again"
            )

    def _fail(self, refresh: Refresh, old_version: str) -> NoReturn:
        """Say how the refresh ended, what serves now, and what to do."""
        serving_version = self.refreshes.describe_group(self.group_name).launch_template_version
        serving = self.refreshes.find_ami_of_version(self.target.launch_template_id, serving_version)
        old = self.refreshes.find_ami_of_version(self.target.launch_template_id, old_version)
        is_rolled_back = refresh.status == "RollbackSuccessful"
        now = (
            f"{self.group_name} runs {serving} again"
            if is_rolled_back
            else f"{self.group_name} names {serving}"
        )
        raise RolloutError(
            f"rollout of {self.target.ami_id} ended {refresh.status}: {refresh.reason or 'no reason given'}"
            f"{self._failing} · {now} (launch template version {serving_version}) · "
            f"mend the image and run pulumi up again, or stay: pulumi config set pinnedAmi {old}"
        )

    _began: float = 0.0
    _failing: str = ""
    _last_line: str = ""

    def _tell(self, line: str) -> None:
        """Say *line* with the time since the start, unless it is what was said last."""
        if line == self._last_line:
            return
        self._last_line = line
        self.say(f"rollout {self.clock() - self._began:4.0f} s  {line}")
