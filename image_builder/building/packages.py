"""The packages that are installed in an image, as its template lists them at the end of the build.

The list travels as tags of the image's snapshots, in the room that the file digests leave there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_builder.errors import RecordError
from image_builder.registry import numbered_tags

KEY = "Packages"
_MOST_BYTES = 2_000_000


@dataclass(frozen=True, kw_only=True)
class PackageChange:
    """A package that is not the same in the newer of two images."""

    name: str
    old: str
    """Its version; empty where it was not installed."""
    new: str
    """Its version; empty where it is no longer installed."""

    @property
    def change(self) -> str:
        """In a word."""
        return "changed" if self.old and self.new else "added" if self.new else "removed"

    @property
    def line(self) -> str:
        """`20.1.0-6 → 20.1.0-7`"""
        return (
            f"{self.old} → {self.new}" if self.old and self.new else f"{self.change} {self.new or self.old}"
        )


@dataclass(frozen=True, kw_only=True)
class PackageChanges:
    """The packages that are not the same; none, with a hindrance, where that is not known."""

    changes: Sequence[PackageChange] = ()
    hindrance: str = ""

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "packages": [
                {"name": one.name, "old": one.old, "new": one.new, "change": one.change}
                for one in self.changes
            ],
            "packages_hindrance": self.hindrance,
        }

    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        if self.hindrance:
            return [(self.hindrance, "")]
        return [(one.name, one.line) for one in self.changes] or [("nothing", "")]


def read_list(file: Path) -> dict[str, str]:
    """The version by name, of the list in *file*: a line for each package, name and version.

    Raises RecordError, which says why there is no list. Of a package with several versions, as a kernel may
    have them, all are told.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        text = content.decode()
    except FileNotFoundError:
        raise RecordError("not recorded: the template downloads no package_list") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"not recorded: {file.name} cannot be read: {error}") from error
    if len(content) > _MOST_BYTES:
        raise RecordError(f"not recorded: {file.name} is longer than {_MOST_BYTES:,} bytes")
    versions: dict[str, set[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if words and len(words) != 2:
            raise RecordError(
                f"not recorded: line {number} of {file.name} is {line[:60]!r} "
                "· name and version were expected"
            )
        if words:
            versions.setdefault(words[0], set()).add(words[1])
    if not versions:
        raise RecordError(f"not recorded: {file.name} names no package")
    return {name: " ".join(sorted(versions[name])) for name in sorted(versions)}


def to_tags(packages: Mapping[str, str], *, room: int) -> dict[str, str]:
    """At most *room* tags for *packages*; a single one that says how many, when they are too many."""
    return numbered_tags.to_tags(KEY, {"packages": dict(packages)}, room=room) or not_recorded(
        f"not recorded: {len(packages)} packages are too many for {room} tags"
    )


def not_recorded(reason: str) -> dict[str, str]:
    """The tag that says why there is no list."""
    return {KEY: reason[: numbered_tags.CHARACTERS_PER_TAG]}


def from_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The version by name in *tags*; raises RecordError, which says why there is none."""
    return numbered_tags.from_tags(KEY, tags, _checked, missing="package list not recorded")


def compare_packages(old: Mapping[str, str], new: Mapping[str, str]) -> PackageChanges:
    """What of *new* is not as in *old*."""
    return PackageChanges(
        changes=[
            PackageChange(name=name, old=old.get(name, ""), new=new.get(name, ""))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
    )


def _checked(document: Any) -> dict[str, str]:
    return {str(name): str(version) for name, version in document["packages"].items()}
