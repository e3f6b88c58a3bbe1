"""An Auto Scaling group against the image that it should run, as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from image_builder.ami import TAG_COMMIT, TAG_DIRTY, TAG_FAMILY, TAG_FINGERPRINT, Ami
from image_builder.registry.launching import Launching
from image_builder.registry.usage import Instance
from image_builder.wording import age, built

Rows = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Group:
    """An Auto Scaling group as it is described."""

    name: str
    stack: str
    desired_capacity: int
    launching: Launching
    instance_ids: frozenset[str]
    project: str = ""


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """One rollout: an instance refresh as it is described."""

    refresh_id: str
    status: str
    reason: str
    started_at: str
    ended_at: str
    """Empty while it runs."""
    ami_id: str
    """What it was to roll out; empty where that is not recorded, or its launch template version is gone."""

    @property
    def line(self) -> str:
        """`Successful after 4 min`, with AWS's reason when there is one."""
        end = f" after {self.duration}" if self.ended_at else ""
        return f"{self.status}{end}" + (f": {self.reason}" if self.reason else "")

    def plain(self) -> dict[str, str]:
        """For programs."""
        return {
            "refresh_id": self.refresh_id,
            "status": self.status,
            "reason": self.reason,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "ami_id": self.ami_id,
        }

    @property
    def duration(self) -> str:
        """`4 min`; nothing while it runs."""
        return _minutes(self.started_at, self.ended_at) if self.ended_at else ""


@dataclass(frozen=True, kw_only=True)
class GroupStatus:
    """A group, its image and its rollouts."""

    group: Group
    target_ami_id: str
    """The AMI of its launch template; empty where none can be told."""
    amis: Mapping[str, Ami]
    instances: Sequence[Instance]
    refreshes: Sequence[Refresh]

    @property
    def on_target(self) -> int:
        """How many instances run the launch template's AMI."""
        return sum(one.ami_id == self.target_ami_id for one in self.instances)

    @property
    def off_target(self) -> dict[str, int]:
        """How many run each other AMI."""
        others = Counter(one.ami_id for one in self.instances if one.ami_id != self.target_ami_id)
        return {ami_id: others[ami_id] for ami_id in sorted(others)}

    def plain(self, now: datetime) -> dict[str, Any]:
        """For programs."""
        ami = self.amis.get(self.target_ami_id)
        tags = ami.tags if ami else {}
        return {
            "group": self.group.name,
            "stack": self.group.stack,
            "desired_capacity": self.group.desired_capacity,
            "image": {
                "ami_id": self.target_ami_id,
                "name": ami.name if ami else "",
                "family": tags.get(TAG_FAMILY, ""),
                "fingerprint": tags.get(TAG_FINGERPRINT, ""),
                "commit": tags.get(TAG_COMMIT, ""),
                "is_dirty": tags.get(TAG_DIRTY) == "true",
                "built_at": ami.built_at if ami else "",
                "age": age(ami.built_at, now) if ami else "",
                "refusal": ami.refusal if ami else "",
            },
            "on_target": self.on_target,
            "off_target": self.off_target,
            "rollouts": [refresh.plain() for refresh in self.refreshes],
        }

    def section(self, now: datetime) -> tuple[str, Rows]:
        """For people: a title and rows."""
        title = f"{self.group.name} (stack {self.group.stack or 'not told'})"
        return title, [
            ("image", self._told(self.target_ami_id, now) if self.target_ami_id else "none can be told"),
            ("instances", f"{self.on_target} on the image, {self.group.desired_capacity} desired"),
            *((f"{count} off it", self._told(ami_id, now)) for ami_id, count in self.off_target.items()),
            *(("rollout", f"{refresh.started_at}  {refresh.line}") for refresh in self.refreshes),
        ]

    def _told(self, ami_id: str, now: datetime) -> str:
        ami = self.amis.get(ami_id)
        if ami is None:
            return f"{ami_id} (deregistered, or not shared with this account)"
        return f"{ami_id}  {ami.name} {built(ami, now)}" + (f" · {ami.refusal}" if ami.refusal else "")


def instances_of(group: Group, instances: Iterable[Instance]) -> list[Instance]:
    """Those of *instances* that *group* counts as its own."""
    return [one for one in instances if one.instance_id in group.instance_ids]


def _minutes(started_at: str, ended_at: str) -> str:
    try:
        seconds = (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds()
    except ValueError:
        return "an unknown time"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
