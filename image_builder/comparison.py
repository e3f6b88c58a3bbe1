"""What differs between what two images are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from image_builder.amis import Ami
from image_builder.errors import RecordError
from image_builder.file_digests import Recorded, from_tags
from image_builder.fingerprint import changes_by_path
from image_builder.snapshots import Snapshot, Snapshots


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is not the same in the newer of two images; empty, with a hindrance, where it is not known."""

    files: Mapping[str, str]
    """By path: added, removed, changed, became executable, is no longer executable."""
    variables: Sequence[str]
    hindrance: str = ""

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "files": [{"path": path, "change": change} for path, change in self.files.items()],
            "variables": list(self.variables),
            "hindrance": self.hindrance,
        }

    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        if self.hindrance:
            return [(self.hindrance, "")]
        told = [*self.files.items(), *((f"variable {name}", "changed") for name in self.variables)]
        return told or [("nothing", "")]


def compare(old: Recorded, new: Recorded) -> Comparison:
    """What of *new* is not as in *old*."""
    names = sorted({*old.variables, *new.variables})
    return Comparison(
        files=changes_by_path(old.files, new.files),
        variables=[name for name in names if old.variables.get(name) != new.variables.get(name)],
    )


def compare_images(old: Ami, new: Ami, snapshots: Snapshots) -> Comparison:
    """What of *new* is not as in *old*, as far as both are recorded."""
    records: list[Recorded] = []
    for ami in (old, new):
        try:
            records.append(record_on(snapshots.find(ami.snapshot_ids)))
        except RecordError as error:
            return Comparison(files={}, variables=[], hindrance=f"{ami.ami_id}: {error}")
    return compare(*records)


def record_on(snapshots: Iterable[Snapshot]) -> Recorded:
    """The record that an image's *snapshots* carry; raises RecordError, which says why there is none."""
    # All carry the same; a snapshot that somebody added has none.
    reason = RecordError("not recorded: this account sees no snapshot of it")
    for snapshot in snapshots:
        try:
            return from_tags(snapshot.tags)
        except RecordError as error:
            reason = error
    raise reason
