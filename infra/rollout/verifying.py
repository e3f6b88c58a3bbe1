"""Verifying: no word counts, only instances in service, on the target's version and AMI, and healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

from infra.rollout.decide import find_lost, find_off_target
from infra.rollout.errors import RolloutError
from infra.rollout.evidence import Evidence
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Fleet, Target
from infra.rollout.wording import describe_missing, describe_strays

REFUSED_LAUNCHES_TO_GIVE_UP = 3
"""The first refusals may pass: a new instance profile is not known everywhere at once (IAM user guide,
"Troubleshooting IAM", eventual consistency), and Auto Scaling tries again by itself."""

LOST_INSTANCES_TO_GIVE_UP = 3
"""An image whose machines fail one after the other will not get better; its group would go on for ever."""

STALE_SECONDS = 20.0
"""How long a description may be older than the end of the refresh (EC2 API, "Eventual consistency")."""


@dataclass(kw_only=True)
class Verifier:
    """Looks at the group until it is what was promised, or cannot become it."""

    refreshes: Refreshes
    group_name: str
    target: Target
    ignores_standby: bool
    evidence: Evidence
    teller: Teller
    looks: Callable[[str], Iterator[None]]

    def wait_for_health(self) -> int:
        """Wait until all that should serve serves the target; return how many do."""
        known_refusals = self.refreshes.find_failed_launches(self.group_name).keys()
        began = self.teller.seconds
        for _ in self.looks("every instance should be in service and healthy"):
            fleet = self._describe_fleet()
            if strays := find_off_target(fleet.group, self.target):
                strayed = describe_strays(self.group_name, strays, self.target)
                if self.teller.seconds - began >= STALE_SECONDS:
                    raise RolloutError(strayed)
                self.teller.tell(f"{strays[0].instance_id} is not on {self.target.ami_id} yet, looking again")
                continue
            missing = describe_missing(fleet)
            if not missing:
                serving = len(fleet.group.in_service)
                self.teller.tell(f"all {serving} instances in service and healthy on {self.target.ami_id}")
                return serving
            self.teller.tell(missing)
            self.evidence.note(fleet)
            self._give_up_on_lost(fleet)
            self._give_up_on_refused(fleet, known_refusals)
        raise AssertionError("unreachable")

    def _describe_fleet(self) -> Fleet:
        """The group with the AMI and the health of each instance; without standby where that is ignored."""
        group = self.refreshes.describe_group(self.group_name)
        if self.ignores_standby:
            group = group.without_standby()
        names = [instance.instance_id for instance in group.instances]
        return Fleet(group=group, health=self.refreshes.find_target_health(group.target_group_arns, names))

    def _give_up_on_lost(self, fleet: Fleet) -> None:
        lost = find_lost(fleet, self.evidence.failing.keys())
        if len(lost) >= LOST_INSTANCES_TO_GIVE_UP:
            raise RolloutError(
                f"{self.group_name} replaced {len(lost)} instances of {self.target.ami_id} as unhealthy "
                f"and none serves{self.evidence.first} · healthy ones were expected · mend the image, or "
                "allow for its start with healthCheckGracePeriodSeconds, and run pulumi up again"
            )

    def _give_up_on_refused(self, fleet: Fleet, known: Set[str]) -> None:
        refusals = self.refreshes.find_failed_launches(self.group_name)
        new = [message for activity_id, message in refusals.items() if activity_id not in known]
        if len(new) >= REFUSED_LAUNCHES_TO_GIVE_UP:
            raise RolloutError(
                f"{self.group_name} cannot launch {self.target.ami_id}: {new[0]} · "
                f"{fleet.group.desired_capacity} instances were expected · mend that and run pulumi up again"
            )
