"""Verifying: no word counts, only instances in service, on the target's version and AMI, and healthy."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from infra.rollout.course import Course
from infra.rollout.decide import LOST_INSTANCES_TO_GIVE_UP, find_lost, find_off_target
from infra.rollout.errors import RolloutError
from infra.rollout.values import Fleet, Group
from infra.rollout.wording import describe_missing, describe_strays, describe_wrong_template

REFUSED_LAUNCHES_TO_GIVE_UP = 3
"""The first refusals may pass: a new instance profile is not known everywhere at once (IAM user guide,
"Troubleshooting IAM", eventual consistency), and Auto Scaling tries again by itself."""

STALE_SECONDS = 20.0
"""How long a description may be older than the end of the refresh (EC2 API, "Eventual consistency")."""


@dataclass(kw_only=True)
class Verifier:
    """Looks at the group until it is what was promised, or cannot become it."""

    course: Course
    ignores_standby: bool

    def wait_for_health(self) -> int:
        """Wait until all that should serve serves the target; return how many do."""
        course = self.course
        teller, refreshes, name = course.teller, course.refreshes, course.group_name
        known_refusals = refreshes.find_failed_launches(name).keys()
        began = teller.seconds
        for _ in course.looks():
            fleet = refreshes.describe_fleet(name, ignores_standby=self.ignores_standby)
            if astray := self._find_astray(fleet.group):
                if teller.seconds - began >= STALE_SECONDS:
                    raise RolloutError(astray)
                teller.tell(f"not all of {name} is on {course.target.ami_id} yet, looking again")
                continue
            missing = describe_missing(fleet)
            if not missing:
                serving = len(fleet.group.in_service)
                teller.tell(f"all {serving} instances in service and healthy on {course.target.ami_id}")
                return serving
            teller.tell(missing)
            course.evidence.note(fleet)
            self._give_up_on_lost(fleet)
            self._give_up_on_refused(fleet, known_refusals)
        raise AssertionError("unreachable")

    def _find_astray(self, group: Group) -> str:
        """What of the group is not the target; empty where all is."""
        target = self.course.target
        if strays := find_off_target(group, target):
            return describe_strays(group.name, strays, target)
        return "" if group.launches(target) else describe_wrong_template(group, target)

    def _give_up_on_lost(self, fleet: Fleet) -> None:
        course = self.course
        lost = find_lost(fleet, course.evidence.failing.keys(), course.target)
        if len(lost) >= LOST_INSTANCES_TO_GIVE_UP:
            raise RolloutError(
                f"{course.group_name} replaced {len(lost)} instances of {course.target.ami_id} as unhealthy "
                f"and none serves{course.evidence.first} · healthy ones were expected · mend the image, or "
                "allow for its start with healthCheckGracePeriodSeconds, and run pulumi up again"
            )

    def _give_up_on_refused(self, fleet: Fleet, known: Set[str]) -> None:
        course = self.course
        refusals = course.refreshes.find_failed_launches(course.group_name)
        new = [message for activity_id, message in refusals.items() if activity_id not in known]
        if len(new) >= REFUSED_LAUNCHES_TO_GIVE_UP:
            raise RolloutError(
                f"{course.group_name} cannot launch {course.target.ami_id}: {new[0]} · "
                f"{fleet.group.desired_capacity} instances were expected · mend that and run pulumi up again"
            )
