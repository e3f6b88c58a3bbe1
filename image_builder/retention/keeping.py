"""Which images are needed, by whom, and which may go. Pure: plain values in, reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from image_builder.ami import TAG_FAMILY, Ami
from image_builder.registry.ancestry import base_of
from image_builder.registry.inventory import successes_of
from image_builder.registry.usage import NOBODY, Users
from image_builder.wording import age

DAYS_KEPT, COUNT_KEPT = 30, 5
_MOST_TOLD = 6
UNVERIFIED = timedelta(days=1)
"""How long an image that has succeeded nowhere is left alone: it may be on its way into its first fleet."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known beside the images themselves."""

    now: datetime
    users: Mapping[str, Users] = field(default_factory=dict)
    """The instances that run each image."""
    launchers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What may launch each image, in words."""
    pins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The files of this checkout that name each image."""
    families: frozenset[str] | None = None
    """Those that may go; None for all."""
    unresolved: Sequence[str] = ()
    """What may launch an image that cannot be told, in words."""
    copied: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The copies of each image that are there, or may be, in words."""
    shared: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The accounts that each image is shared with."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Why of an image it cannot be told whom it is shared with."""
    days: float = DAYS_KEPT
    count: int = COUNT_KEPT


def why_kept(images: Sequence[Ami], facts: Facts) -> dict[str, list[str]]:
    """The reasons to keep each of *images*, by id; none for one that may go.

    An image that must not be used any more is kept only as long as something uses or names it.
    """
    newest = _newest(images, facts.count)
    reasons = {ami.ami_id: _needs(ami, facts) for ami in images}
    for ami in images:
        if not ami.refusal:
            reasons[ami.ami_id] += _standing(ami, newest.get(ami.ami_id, ()), facts)
    for family, ami_id in _newest_of_families(images).items():
        reasons[ami_id].append(f"the newest of {family}")
    by_id = {ami.ami_id: ami for ami in images}
    kept = [ami_id for ami_id in reasons if reasons[ami_id]]
    while kept:
        base = base_of(by_id[built_on := kept.pop()])
        if base in by_id:
            if not reasons[base]:
                kept.append(base)
            reasons[base].append(f"{built_on} is built on it")
    return reasons


def in_short(reasons: Sequence[str]) -> str:
    """*reasons* for a cell of a table."""
    return "; ".join(shortened(reasons))


def shortened(reasons: Sequence[str]) -> list[str]:
    """The first of *reasons*, and how many there are beside them."""
    more = len(reasons) - _MOST_TOLD
    return [*reasons[:_MOST_TOLD], *([f"…and {more} more"] if more > 0 else [])]


def why_removed(ami: Ami, facts: Facts) -> str:
    """Why nothing keeps *ami*, in a few words."""
    if ami.refusal:
        return ami.refusal
    stacks = successes_of(ami)
    if not stacks:
        return f"built {age(ami.built_at, facts.now)}, and it has succeeded nowhere"
    told = ", ".join(f"{stack} {age(moment, facts.now)}" for stack, moment in stacks.items())
    return f"nothing uses it; it succeeded in {told}"


def _needs(ami: Ami, facts: Facts) -> list[str]:
    users = facts.users.get(ami.ami_id, NOBODY)
    return [
        *(f"runs in {line}" for line in users.lines),
        *facts.launchers.get(ami.ami_id, ()),
        *(f"pinned in {file}" for file in facts.pins.get(ami.ami_id, ())),
        *facts.copied.get(ami.ami_id, ()),
        *(f"shared with {account}" for account in facts.shared.get(ami.ami_id, ())),
        *([facts.unknown[ami.ami_id]] if ami.ami_id in facts.unknown else []),
        *(["not of this project's families"] if _is_foreign(ami, facts) else []),
    ]


def _is_foreign(ami: Ami, facts: Facts) -> bool:
    return facts.families is not None and ami.tags.get(TAG_FAMILY, "") not in facts.families


def _standing(ami: Ami, newest_in: Iterable[str], facts: Facts) -> list[str]:
    verified = successes_of(ami)
    reasons = [
        f"succeeded in {stack} {age(moment, facts.now)}"
        for stack, moment in verified.items()
        if _is_within(moment, timedelta(days=facts.days), facts.now)
    ]
    reasons += [f"one of the newest {facts.count} of {stack}" for stack in newest_in]
    if not verified and _is_within(ami.built_at, UNVERIFIED, facts.now):
        reasons.append(f"built {age(ami.built_at, facts.now)}, may be rolled out just now")
    return reasons


def _newest(images: Iterable[Ami], count: int) -> dict[str, list[str]]:
    """The stacks in which each image is among the newest *count* of its family that may be used."""
    by_stack: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for ami in images:
        for stack, moment in {} if ami.refusal else successes_of(ami).items():
            by_stack.setdefault((ami.tags.get(TAG_FAMILY, ""), stack), []).append((moment, ami.ami_id))
    newest: dict[str, list[str]] = {}
    for (_family, stack), entries in sorted(by_stack.items()):
        for _moment, ami_id in sorted(entries, reverse=True)[:count]:
            newest.setdefault(ami_id, []).append(stack)
    return newest


def _newest_of_families(images: Iterable[Ami]) -> dict[str, str]:
    """The last image of each family that can be used: others may be built on it, and go back to it."""
    usable = [ami for ami in images if ami.is_available and not ami.refusal and ami.tags.get(TAG_FAMILY)]
    by_age = sorted(usable, key=lambda ami: (ami.built_at, ami.created_at, ami.ami_id))
    return {ami.tags[TAG_FAMILY]: ami.ami_id for ami in by_age}


def _is_within(moment: str, window: timedelta, now: datetime) -> bool:
    """Whether *moment* is in the *window* before *now*; one that cannot be read is, as it proves nothing."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return True
    return now - then.replace(tzinfo=then.tzinfo or UTC) < window
