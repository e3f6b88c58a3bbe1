"""What differs between what two images are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from image_builder.ami import Ami
from image_builder.building import file_digests, packages
from image_builder.building.file_digests import Recorded
from image_builder.building.packages import PackageChanges, compare_packages
from image_builder.errors import RecordError
from image_builder.fingerprint import changes_by_path
from image_builder.registry.snapshots import Snapshot, Snapshots

_Record = TypeVar("_Record")


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


def compare_images(old: Ami, new: Ami, snapshots: Snapshots) -> tuple[Comparison, PackageChanges]:
    """What of *new* is not as in *old*, as far as both are recorded: what they are made of, and packages."""
    found = {ami.ami_id: snapshots.find(ami.snapshot_ids) for ami in (old, new)}
    try:
        comparison = compare(*_of_each(found, record_on))
    except RecordError as error:
        comparison = Comparison(files={}, variables=[], hindrance=str(error))
    try:
        return comparison, compare_packages(*_of_each(found, packages_on))
    except RecordError as error:
        return comparison, PackageChanges(hindrance=str(error))


def record_on(snapshots: Iterable[Snapshot]) -> Recorded:
    """The record that an image's *snapshots* carry; raises RecordError, which says why there is none."""
    return _first(snapshots, file_digests.from_tags)


def packages_on(snapshots: Iterable[Snapshot]) -> dict[str, str]:
    """The packages, version by name, that an image's *snapshots* carry; raises RecordError, as above."""
    return _first(snapshots, packages.from_tags)


def _of_each(
    found: Mapping[str, Sequence[Snapshot]], read: Callable[[Sequence[Snapshot]], _Record]
) -> Iterable[_Record]:
    for ami_id, snapshots in found.items():
        try:
            yield read(snapshots)
        except RecordError as error:
            raise RecordError(f"{ami_id}: {error}") from error


def _first(snapshots: Iterable[Snapshot], read: Callable[[Mapping[str, str]], _Record]) -> _Record:
    # All carry the same; a snapshot that somebody added has none.
    reason = RecordError("not recorded: this account sees no snapshot of it")
    for snapshot in snapshots:
        try:
            return read(snapshot.tags)
        except RecordError as error:
            reason = error
    raise reason
