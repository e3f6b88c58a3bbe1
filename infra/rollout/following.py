"""Following a refresh to its end, however long it takes, with few calls and few words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.rollout.decide import find_held
from infra.rollout.evidence import Evidence
from infra.rollout.progress import Progress
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Fleet, Refresh, Target
from infra.rollout.wording import describe_held

LARGE_GROUP = 100
LOOKS_BETWEEN_FLEETS = 6
"""A large group is described whole less often: each time is a long answer of three services."""


def read_utc() -> datetime:
    """The time that is said to people."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Follower:
    """Follows one refresh of a group to *target*."""

    refreshes: Refreshes
    group_name: str
    target: Target
    evidence: Evidence
    teller: Teller
    looks: Callable[[str], Iterator[None]]
    now: Callable[[], datetime] = read_utc

    def follow(self, refresh_id: str, *, total: int, is_own: bool) -> Refresh:
        """Tell each change of the refresh until it has ended; return its end."""
        progress = Progress(total=total, is_own=is_own)
        held, count, looks_since_fleet = "", None, 0
        for _ in self.looks("its instance refresh should have ended"):
            refresh = self.refreshes.find(self.group_name, refresh_id)
            if refresh is None:
                continue
            self.teller.tell(*progress.describe(refresh, self.now()))
            looks_since_fleet += 1
            has_changed = count != (count := (refresh.status, refresh.instances_to_update))
            if has_changed or total <= LARGE_GROUP or looks_since_fleet >= LOOKS_BETWEEN_FLEETS:
                looks_since_fleet = 0
                fleet = self.describe_fleet()
                self.evidence.note(fleet)
                in_the_way = describe_held(find_held(fleet.group, self.target, refresh.preferences))
                if in_the_way and in_the_way != held and refresh.is_running:
                    self.teller.add(in_the_way)
                held = in_the_way
            if refresh.rollback_reason or refresh.status == "Failed":
                self.evidence.note_alarms(refresh.preferences.alarm_names)
            if not refresh.is_running:
                return refresh
        raise AssertionError("unreachable")

    def describe_fleet(self) -> Fleet:
        """The group with the health of each instance, without AMIs."""
        group = self.refreshes.require_group(self.group_name)
        names = [instance.instance_id for instance in group.instances]
        return Fleet(group=group, health=self.refreshes.find_target_health(group.target_group_arns, names))
