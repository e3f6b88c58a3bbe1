"""What runs which image, as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance that is not terminated."""

    instance_id: str
    ami_id: str
    state: str
    group: str
    """Its Auto Scaling group; empty where it has none."""


@dataclass(frozen=True, kw_only=True)
class Users:
    """Who runs one image."""

    groups: Mapping[str, int]
    """The number of instances, by Auto Scaling group, sorted."""
    without_group: int = 0

    @property
    def lines(self) -> list[str]:
        """`web-prod: 3`, a line for each group."""
        told = [f"{group}: {count}" for group, count in self.groups.items()]
        return told + ([f"no group: {self.without_group}"] if self.without_group else [])


NOBODY = Users(groups={})


def users_by_ami(instances: Iterable[Instance]) -> dict[str, Users]:
    """Who runs each AMI that is run at all."""
    counts: dict[str, Counter[str]] = {}
    for instance in instances:
        counts.setdefault(instance.ami_id, Counter())[instance.group] += 1
    return {
        ami_id: Users(
            groups={group: by_group[group] for group in sorted(by_group) if group},
            without_group=by_group[""],
        )
        for ami_id, by_group in counts.items()
    }
