"""Everything that is told of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from image_builder.ami import Ami
from image_builder.errors import RecordError
from image_builder.registry.ancestry import Ancestor, Descendant, base_of
from image_builder.registry.inventory import Listed, plain
from image_builder.registry.snapshots import Snapshot
from image_builder.registry.usage import NOBODY, Instance, users_by_ami
from image_builder.telling.comparison import packages_on, record_on
from image_builder.wording import age, built

Section = tuple[str, Sequence[Sequence[str]]]
_NOTHING = (("nothing",),)


@dataclass(frozen=True, kw_only=True)
class Details:
    """An image, and all that there is around it."""

    ami: Ami
    ancestors: Sequence[Ancestor]
    descendants: Sequence[Descendant]
    snapshots: Sequence[Snapshot]
    instances: Sequence[Instance]

    def plain(self, now: datetime) -> dict[str, Any]:
        """For programs."""
        base = self.ancestors[0].ami if self.ancestors else None
        users = users_by_ami(self.instances).get(self.ami.ami_id, NOBODY)
        return {
            **plain(Listed(ami=self.ami, base=base, users=users), now),
            "owner_id": self.ami.owner_id,
            "architecture": self.ami.architecture,
            "state_reason": self.ami.state_reason,
            "tags": dict(self.ami.tags),
            "snapshots": [
                {
                    "snapshot_id": one.snapshot_id,
                    "state": one.state,
                    "gigabytes": one.gigabytes,
                    "is_encrypted": one.is_encrypted,
                    "tags": dict(one.tags),
                }
                for one in self.snapshots
            ],
            **_plain_files(self.snapshots),
            **_plain_packages(self.snapshots),
            "ancestors": [
                {
                    "ami_id": one.ami_id,
                    "is_visible": one.ami is not None,
                    "name": one.ami.name if one.ami else "",
                    "created_at": one.ami.created_at if one.ami else "",
                }
                for one in self.ancestors
            ],
            "descendants": [
                {
                    "ami_id": one.ami.ami_id,
                    "name": one.ami.name,
                    "built_on": base_of(one.ami),
                    "generation": one.generation,
                    "built_at": one.ami.built_at,
                    "refusal": one.ami.refusal,
                }
                for one in self.descendants
            ],
            "instances": [
                {"instance_id": one.instance_id, "state": one.state, "group": one.group}
                for one in self.instances
            ],
        }

    def sections(self, now: datetime) -> list[Section]:
        """For people: a title and rows each."""
        ami = self.ami
        state = f"{ami.state} ({ami.state_reason})" if ami.state_reason else ami.state
        standing = " · ".join(filter(None, [state, ami.refusal, ami.warning]))
        return [
            (
                f"{ami.ami_id}  {ami.name}",
                [
                    ("state", standing),
                    ("built", f"{age(ami.built_at, now)}, {ami.built_at}"),
                    ("owner", ami.owner_id or "-"),
                    ("architecture", ami.architecture or "-"),
                ],
            ),
            ("tags", sorted(ami.tags.items()) or _NOTHING),
            ("snapshots", [_snapshot(snapshot) for snapshot in self.snapshots] or _NOTHING),
            ("made of", _files(self.snapshots)),
            ("packages", [_packages(self.snapshots)]),
            ("built on", [_ancestor(one, now) for one in self.ancestors] or (("nothing that is recorded",),)),
            ("built on it", [_descendant(one, now) for one in self.descendants] or _NOTHING),
            (
                "run by",
                [(one.instance_id, one.state, one.group or "no group") for one in self.instances] or _NOTHING,
            ),
        ]


def _snapshot(snapshot: Snapshot) -> tuple[str, ...]:
    encryption = "encrypted" if snapshot.is_encrypted else "not encrypted"
    return (snapshot.snapshot_id, snapshot.state, f"{snapshot.gigabytes} GiB", encryption)


def _plain_files(snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    try:
        record = record_on(snapshots)
    except RecordError as error:
        return {"files": {}, "variables": {}, "files_hindrance": str(error)}
    return {"files": dict(record.files), "variables": dict(record.variables), "files_hindrance": ""}


def _files(snapshots: Sequence[Snapshot]) -> list[tuple[str, ...]]:
    try:
        record = record_on(snapshots)
    except RecordError as error:
        return [(str(error), "")]
    told = [(path, *digest.split(":")[::-1]) for path, digest in sorted(record.files.items())]
    return [*told, *((f"variable {name}", digest, "") for name, digest in sorted(record.variables.items()))]


def _plain_packages(snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    try:
        return {"packages": packages_on(snapshots), "packages_hindrance": ""}
    except RecordError as error:
        return {"packages": {}, "packages_hindrance": str(error)}


def _packages(snapshots: Sequence[Snapshot]) -> tuple[str]:
    try:
        return (f"{len(packages_on(snapshots))} installed; --json names them",)
    except RecordError as error:
        return (str(error),)


def _ancestor(ancestor: Ancestor, now: datetime) -> tuple[str, ...]:
    if ancestor.ami is None:
        return (ancestor.ami_id, "deregistered, or not shared with this account", "")
    return (ancestor.ami_id, ancestor.ami.name, f"made {age(ancestor.ami.created_at, now)}")


def _descendant(descendant: Descendant, now: datetime) -> tuple[str, ...]:
    ami = descendant.ami
    indent = "  " * (descendant.generation - 1)
    return (f"{indent}{ami.ami_id}", ami.name, built(ami, now), ami.refusal)
