"""Bring the group to the target, follow it to its end, and verify what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from infra.rollout.decide import (
    Adopt,
    Refuse,
    WaitForHealth,
    decide_first_step,
    find_failing,
    find_lost,
    find_off_target,
)
from infra.rollout.errors import RefreshInProgressError, RolloutDeadlineError, RolloutError
from infra.rollout.plan import plan_batches
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import LONGEST_POLL_DELAY_SECONDS, Refreshes, read_poll_delay_seconds
from infra.rollout.values import Fleet, Refresh, Target
from infra.rollout.wording import (
    describe_count,
    describe_end,
    describe_first_failing,
    describe_missing,
    describe_progress,
    describe_strays,
)

ATTEMPTS_TO_START = 3
QUIET_SECONDS = 30.0
REFUSED_LAUNCHES_TO_GIVE_UP = 3
"""The first refusals may pass: a new instance profile is not known everywhere at once (IAM user guide,
"Troubleshooting IAM", eventual consistency), and Auto Scaling tries again by itself."""

LOST_INSTANCES_TO_GIVE_UP = 3
"""An image whose machines fail one after the other will not get better; its group would go on for ever."""


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
    _first_failing: str = ""
    _failed_ids: set[str] = field(default_factory=set)
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
                    f"minutes: {self._last_line}{self._first_failing} · {waits_for} · AWS goes on with what "
                    "was started; run pulumi up again to follow it, or raise rolloutTimeoutMinutes"
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
            if strays := find_off_target(fleet.group, self.target):
                raise RolloutError(describe_strays(self.group_name, strays, self.target))
            missing = describe_missing(fleet)
            if not missing:
                serving = len(fleet.group.in_service)
                self._tell(f"all {serving} instances in service and healthy on {self.target.ami_id}")
                return serving
            self._tell(missing)
            self._remember_failing(fleet)
            lost = find_lost(fleet, self._failed_ids)
            if len(lost) >= LOST_INSTANCES_TO_GIVE_UP:
                raise RolloutError(
                    f"{self.group_name} replaced {len(lost)} instances of {self.target.ami_id} as unhealthy "
                    f"and none serves{self._first_failing} · healthy ones were expected · mend the image, or "
                    "allow for its start with healthCheckGracePeriodSeconds, and run pulumi up again"
                )
            refusals = self.refreshes.find_failed_launches(self.group_name)
            new = [message for activity_id, message in refusals.items() if activity_id not in known_refusals]
            if len(new) >= REFUSED_LAUNCHES_TO_GIVE_UP:
                raise RolloutError(
                    f"{self.group_name} cannot launch {self.target.ami_id}: {new[0]} · "
                    f"{fleet.group.desired_capacity} instances were expected · mend that and run pulumi up "
                    "again"
                )
        raise AssertionError("unreachable")

    def _remember_failing(self, fleet: Fleet) -> None:
        """Note who fails, and the first while it exists; after a rollback it is gone."""
        failing = find_failing(fleet, self.target)
        self._first_failing = self._first_failing or describe_first_failing(failing)
        self._failed_ids |= {instance.instance_id for instance, _ in failing}

    def _fail(self, refresh: Refresh, old_version: str) -> NoReturn:
        """Say how the refresh ended, what the group runs now, and what to do."""
        template = self.target.launch_template_id
        version = self.refreshes.describe_group(self.group_name).launch_template_version
        raise RolloutError(
            describe_end(
                refresh,
                group_name=self.group_name,
                target=self.target,
                first_failing=self._first_failing,
                version=version,
                ami_id=self.refreshes.find_ami_of_version(template, version),
                old_ami_id=self.refreshes.find_ami_of_version(template, old_version),
            )
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
