"""What differs between two images, and which commits lie between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from image_builder.ami import TAG_COMMIT, TAG_DIRTY, Ami
from image_builder.building.packages import PackageChanges
from image_builder.checkout.git import LoggedCommit, read_log
from image_builder.registry.ancestry import base_of
from image_builder.telling.comparison import Comparison
from image_builder.wording import age, built


@dataclass(frozen=True, kw_only=True)
class History:
    """The commits that one of two images has and the other has not, newest first."""

    only_in_new: Sequence[LoggedCommit] = ()
    only_in_old: Sequence[LoggedCommit] = ()
    hindrance: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        if self.hindrance:
            return [(self.hindrance, "")]
        new = [(commit.sha[:7], commit.subject) for commit in self.only_in_new]
        old = [(commit.sha[:7], f"(no longer) {commit.subject}") for commit in self.only_in_old]
        return [*new, *old] or [("none", "")]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two images, and what is not the same."""

    old: Ami
    new: Ami
    bases: Mapping[str, Ami]
    """Those that this account can see."""
    comparison: Comparison
    packages: PackageChanges
    history: History

    @property
    def is_base_changed(self) -> bool:
        """Whether they are built on different images, as far as that is recorded."""
        return base_of(self.old) != base_of(self.new)

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "old": _plain(self.old),
            "new": _plain(self.new),
            "is_base_changed": self.is_base_changed,
            **self.comparison.plain(),
            **self.packages.plain(),
            "commits": _plain_commits(self.history.only_in_new),
            "commits_only_in_old": _plain_commits(self.history.only_in_old),
            "commits_hindrance": self.history.hindrance,
        }

    def sections(self, now: datetime) -> list[tuple[str, list[tuple[str, str]]]]:
        """For people."""
        images = [(ami.ami_id, f"{ami.name} {built(ami, now)}") for ami in (self.old, self.new)]
        bases = [
            self._base(ami, now) for ami in ((self.old, self.new) if self.is_base_changed else (self.new,))
        ]
        return [
            ("from, to", images),
            ("base, from and to" if self.is_base_changed else "base, the same", bases),
            ("files", self.comparison.rows()),
            ("packages", self.packages.rows()),
            ("commits", self.history.rows()),
        ]

    def _base(self, ami: Ami, now: datetime) -> tuple[str, str]:
        base_id = base_of(ami)
        if not base_id:
            return ("not recorded", "")
        base = self.bases.get(base_id)
        told = f"{base.name} (made {age(base.created_at, now)})" if base else "out of sight"
        return (base_id, told)


def commits_between(folder: Path, old: Ami, new: Ami) -> History:
    """The commits between two images, where the repository of *folder* has both."""
    shas = []
    for ami in (old, new):
        sha = ami.tags.get(TAG_COMMIT, "")
        if not sha:
            return History(hindrance=f"not known: {ami.ami_id} has no tag {TAG_COMMIT}")
        shas.append(sha)
    only_in_new, only_in_old = read_log(folder, *shas), read_log(folder, *reversed(shas))
    if only_in_new is None or only_in_old is None:
        return History(
            hindrance=f"not known: {shas[0][:7]} and {shas[1][:7]} are not both in the repository here; git "
            "fetch, or run it in the repository"
        )
    return History(only_in_new=only_in_new, only_in_old=only_in_old)


def _plain_commits(commits: Sequence[LoggedCommit]) -> list[dict[str, str]]:
    return [{"sha": commit.sha, "subject": commit.subject} for commit in commits]


def _plain(ami: Ami) -> dict[str, Any]:
    return {
        "ami_id": ami.ami_id,
        "name": ami.name,
        "commit": ami.tags.get(TAG_COMMIT, ""),
        "is_dirty": ami.tags.get(TAG_DIRTY) == "true",
        "built_at": ami.built_at,
        "base": base_of(ami),
    }
