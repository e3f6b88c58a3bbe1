"""Bring the group to the target, follow it to its end, and verify what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.rollout.aws_errors import AWS_ERRORS, explain
from infra.rollout.beginning import Beginning
from infra.rollout.course import Course, Stage
from infra.rollout.errors import RolloutError
from infra.rollout.evidence import Evidence
from infra.rollout.following import Follower
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Group, Refresh, Target
from infra.rollout.verifying import Verifier
from infra.rollout.wording import describe_end


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A rollout that succeeded: its refresh (None where nothing had to be replaced) and how many serve."""

    refresh_id: str | None
    instances: int


@dataclass(frozen=True, kw_only=True)
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
        course = Course(
            refreshes=self.refreshes,
            group_name=self.group_name,
            target=self.target,
            teller=Teller(say=self.say, clock=self.clock),
            evidence=Evidence(refreshes=self.refreshes, target=self.target),
            timeout_seconds=self.timeout_seconds,
            sleep=self.sleep,
        )
        try:
            return self._run(course)
        except AWS_ERRORS as error:
            raise RolloutError(explain(error, self.group_name, course.stage.value)) from None

    def _run(self, course: Course) -> Outcome:
        begun = Beginning(
            course=course,
            preferences=self.preferences,
            on_refresh_in_progress=self.on_refresh_in_progress,
        ).start_or_adopt()
        if begun.refresh_id is not None:
            total = begun.group.desired_capacity
            refresh = Follower(course=course, turns_back=True).follow(
                begun.refresh_id, total=total, is_own=begun.is_own
            )
            course.stage = Stage.VERIFYING
            if refresh.status != "Successful":
                raise RolloutError(describe_failure(course, refresh, begun.group))
        ignores_standby = self.preferences.standby_instances == "Ignore"
        instances = Verifier(course=course, ignores_standby=ignores_standby).wait_for_health()
        return Outcome(refresh_id=begun.refresh_id, instances=instances)


def describe_failure(course: Course, refresh: Refresh, before: Group) -> str:
    """How *refresh* ended, what the group, which was so *before*, launches and runs now, and what to do."""
    refreshes = course.refreshes
    group = refreshes.describe_group(course.group_name)
    return describe_end(
        refresh,
        group=group,
        target=course.target,
        evidence=course.evidence.story,
        ami_id=refreshes.find_ami_of_version(group.launch_template_id, group.launch_template_version),
        old_ami_id=refreshes.find_ami_of_version(before.launch_template_id, before.launch_template_version),
    )
