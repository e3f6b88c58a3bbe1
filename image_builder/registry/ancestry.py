"""What an image is built on, and what is built on it, as far as it is recorded and can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from image_builder.ami import TAG_SOURCE_AMI, Ami


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """An AMI that another is built on."""

    ami_id: str
    ami: Ami | None
    """None when it is deregistered, or not shared with this account."""


@dataclass(frozen=True, kw_only=True)
class Descendant:
    """An AMI that is built on another, directly or not."""

    ami: Ami
    generation: int
    """1 for what is built on it directly."""


def base_of(ami: Ami) -> str:
    """The AMI that *ami* is built on, as far as it is recorded."""
    return ami.tags.get(TAG_SOURCE_AMI) or ami.source_ami_id


def ancestors(ami: Ami, find: Callable[[str], Ami | None]) -> list[Ancestor]:
    """What *ami* is built on, nearest first; *find* is asked once for each."""
    chain: list[Ancestor] = []
    seen = {ami.ami_id}
    at: Ami | None = ami
    while at is not None and (base_id := base_of(at)) and base_id not in seen:
        seen.add(base_id)
        at = find(base_id)
        chain.append(Ancestor(ami_id=base_id, ami=at))
    return chain


def descendants(ami_id: str, amis: Iterable[Ami]) -> list[Descendant]:
    """Those of *amis* that are built on *ami_id*: each followed by those that are built on it."""
    built_on: dict[str, list[Ami]] = {}
    for ami in amis:
        built_on.setdefault(base_of(ami), []).append(ami)
    seen = {ami_id}

    def below(base_id: str, generation: int) -> Iterator[Descendant]:
        for ami in built_on.get(base_id, []):
            if ami.ami_id not in seen:
                seen.add(ami.ami_id)
                yield Descendant(ami=ami, generation=generation)
                yield from below(ami.ami_id, generation + 1)

    return list(below(ami_id, 1))
