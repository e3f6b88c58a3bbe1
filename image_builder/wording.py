"""The lines a person reads about an image: what will happen to it, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from image_builder.ami import TAG_COMMIT, TAG_DIRTY, Ami
from image_builder.bases.base_image import LockedImage
from image_builder.checkout.git import LoggedCommit
from image_builder.fingerprint import canonical, changed_files
from image_builder.releasing.revocation import warning_of

_SHOWN_CHANGES = 3
_SHOWN_COMMITS = 10


def reuse(ami: Ami, now: datetime, why: str = "", *, is_checked_first: bool = False) -> str:
    """`reuse ami-… (built 3 h ago from 4e5f6a7): app/server.py changed`"""
    line = f"reuse {ami.ami_id} {built(ami, now)}" + (f": {why}" if why else "")
    return f"{line}; it is not verified yet, its checks are run first" if is_checked_first else line


def build(why: str) -> str:
    """`build: app/server.py changed`"""
    return f"build: {why}"


def build_or_reuse(why: str, hindrance: str) -> str:
    """What is said when AWS could not be asked whether the image is there already."""
    return f"reuse or build: {why}; which of the two is not known, AWS could not be asked: {hindrance}"


def reuse_or_refuse(why: str, stack: str, hindrance: str) -> str:
    """What is said of it where an image must have succeeded in *stack* first, and none is built."""
    return f"reuse: {why}; whether it succeeded in {stack} is not known, AWS could not be asked: {hindrance}"


def pinned(ami_id: str, ami: Ami | None, now: datetime, hindrance: str = "") -> str:
    """`pinned to ami-… (built 3 h ago from 4e5f6a7)`"""
    if ami is None:
        return f"pinned to {ami_id}; it could not be looked at: {hindrance}"
    return f"pinned to {ami_id} {built(ami, now)}"


def promoted(ami: Ami, stack: str, now: datetime) -> str:
    """`promoted from dev: ami-… (built 3 h ago from 4e5f6a7)`"""
    return f"promoted from {stack}: {ami.ami_id} {built(ami, now)}"


def commits_between(
    running: str, forth: Sequence[LoggedCommit] | None, back: Sequence[LoggedCommit] | None
) -> list[str]:
    """The commits that an image brings, or takes back, against the *running* one: at most ten of each."""
    if forth is None or back is None:
        return [f"the commits between {running[:7]}, which runs, and it are not known in this repository"]
    lines: list[str] = []
    for verb, commits in (("brings", forth), ("takes back", back)):
        if commits:
            lines.append(
                f"{verb} {len(commits)} commit{'s' if len(commits) > 1 else ''} against {running[:7]}:"
            )
            lines += [f"  {commit.sha[:7]} {commit.subject}" for commit in commits[:_SHOWN_COMMITS]]
            if len(commits) > _SHOWN_COMMITS:
                lines.append(f"  and {len(commits) - _SHOWN_COMMITS} more")
    return lines


def built(ami: Ami, now: datetime) -> str:
    """`(built 3 h ago from 4e5f6a7)`, and when it is to be revoked, if it is"""
    commit = ami.tags.get(TAG_COMMIT, "")[:7]
    is_dirty = ami.tags.get(TAG_DIRTY) == "true"
    origin = f" from {commit}" + (" with uncommitted changes" if is_dirty else "") if commit else ""
    told = f"built {age(ami.built_at, now)}{origin}"
    return f"({'; '.join(filter(None, [told, warning_of(ami.tags, now)]))})"


def newer_base(locked: LockedImage, found: LockedImage, now: datetime) -> str:
    """`newer base image debian-12-… (made 3 days ago; locked: debian-12-…, 45 days ago) · to build on …`"""
    return (
        f"newer base image {found.name} (made {age(found.created_at, now)}; locked: {locked.name}, "
        f"{age(locked.created_at, now)}) · to build on it, run: python -m image_builder lock"
    )


def age(moment: str, now: datetime) -> str:
    """How long ago *moment* was: `3 h ago`."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return "at an unknown time"
    seconds = (now - then.replace(tzinfo=then.tzinfo or UTC)).total_seconds()
    for unit, size, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{max(0, int(seconds / size))} {unit} ago"
    return f"{int(seconds / 86400)} days ago"


def why_changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> str:
    """What of *news* is not as in *olds*, in words; the old pin or promotion counts when it goes."""
    changes: list[str] = []
    for name, word in (("pinned_ami", "pinned"), ("promoted_ami", "promoted")):
        if olds.get(name) and not news.get(name):
            changes.append(f"no longer {word}")
    for name in ("family", "region"):
        if olds.get(name) != news.get(name):
            changes.append(f"{name} was {olds.get(name)}")
    if not changes or not (olds.get("pinned_ami") or olds.get("promoted_ami")):
        changes += [f"variable {name} changed" for name in _changed_variables(olds, news)]
        changes += changed_files(olds.get("file_digests") or {}, news.get("file_digests") or {})
    return shortened(changes) or "its fingerprint changed"


def shortened(changes: Sequence[str]) -> str:
    """The first few of *changes* and the number of the others."""
    shown = ", ".join(changes[:_SHOWN_CHANGES])
    others = len(changes) - _SHOWN_CHANGES
    return f"{shown} and {others} more" if others > 0 else shown


def _changed_variables(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    old, new = canonical(olds.get("variables") or {}), canonical(news.get("variables") or {})
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
