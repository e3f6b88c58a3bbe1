"""What revoking or restoring an image does to it and to all that is built on it.

An image is revoked by its own word, or because what it is built on or a copy of is. What follows is always
reckoned from those words alone (settle), so that a run which was interrupted is finished by the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, Ami
from image_builder.amis import Amis
from image_builder.errors import RevocationError
from image_builder.registry.ancestry import ancestors, base_of, descendants
from image_builder.registry.tagging import Tagging
from image_builder.releasing.originals import original_of
from image_builder.releasing.revocation import (
    TAG_REJECTED,
    TAG_REVOKED,
    Revocation,
    first_of,
    revocation_in,
    revocation_tags,
    revocations_in,
    tags_of,
)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What an image is to have for tags of its revocations, be it what it has."""

    ami: Ami
    after: Mapping[str, str]

    @property
    def before(self) -> dict[str, str]:
        """What it has."""
        return revocation_tags(self.ami.tags)

    @property
    def is_new(self) -> bool:
        """Whether any tag changes."""
        return self.before != self.after

    @property
    def value(self) -> str:
        """By what it is judged then; empty for an image that is not revoked."""
        return self.after.get(TAG_REVOKED, "")

    @property
    def outcome(self) -> str:
        """What becomes of it: `revoked`, `restored` or `unchanged`."""
        if self.value == self.before.get(TAG_REVOKED, ""):
            return "unchanged"
        return "revoked" if self.value else "restored"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The images of this account in one region, and the bases that they are built on."""

    ours: frozenset[str]
    images: Mapping[str, Ami]
    """By id: ours, and of the others those that can be seen."""

    @property
    def bases(self) -> set[str]:
        """What ours are built on, seen or not."""
        return {base_of(self.images[ami_id]) for ami_id in self.ours}

    def own_of(self, ami_id: str) -> list[Revocation]:
        """Those of its own word; of an image that cannot be seen, as what is built on it has recorded it."""
        if ami_id in self.images:
            return [one for one in revocations_in(self.images[ami_id].tags) if not one.cause]
        return [replace(self.causes[ami_id], cause="", relation="")] if ami_id in self.causes else []

    @property
    def causes(self) -> dict[str, Revocation]:
        """What each image gives to those that are built on it, by id, of images that cannot be seen too."""
        found: dict[str, Revocation] = {}
        for ami_id, ami in self.images.items():
            revocations = revocations_in(ami.tags)
            if first := first_of(one for one in revocations if one.relation != "base"):
                found[ami_id] = first
            for one in revocations:
                if one.relation == "base" and one.cause not in self.images:
                    found[one.cause] = one
        return found


def read_registry(amis: Amis, ami_ids: Iterable[str]) -> Registry:
    """All that there is, and of *ami_ids* those that can be seen."""
    own = amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER})
    bases = amis.find_by_ids([*ami_ids, *filter(None, map(base_of, own))])
    return Registry(
        ours=frozenset(ami.ami_id for ami in own), images={**bases, **{ami.ami_id: ami for ami in own}}
    )


def to_be_revoked(
    ami_id: str, registry: Registry, asked: Revocation, now: datetime, *, is_base: bool
) -> Revocation:
    """The revocation of its own that *ami_id* is to have: *asked*, unless it has one that holds already."""
    if ami_id not in registry.ours | registry.bases and not is_base:
        raise RevocationError(
            f"{ami_id} ({registry.images[ami_id].name}) is neither built by this program nor the base of "
            "such an image · one of these was expected · to have nothing built on it in future, add --base"
        )
    present = first_of(registry.own_of(ami_id))
    return present if present and present.holds(now) else asked


def without_own(ami_id: str, registry: Registry, original: Ami | None) -> list[Revocation]:
    """What *ami_id* keeps when its own revocations are taken back: that of its *original*, if it is a copy.

    Raises RevocationError when it has none of its own that could be taken back.
    """
    ami = registry.images.get(ami_id)
    if ami and TAG_REJECTED in ami.tags:
        raise RevocationError(
            f"{ami_id} is {TAG_REJECTED}: {ami.tags[TAG_REJECTED]} · a revoked image was expected, a "
            "rejected one was never fit for use · mend it and run pulumi up, which builds it again"
        )
    of_original = revocation_in(original.tags) if original else None
    # Copies once got the very words of their original.
    own = [one for one in registry.own_of(ami_id) if not of_original or one.value != of_original.value]
    kept = [of_original.of_copy(original.ami_id)] if original and of_original else []
    if not own and ami and (revocation := revocation_in(ami.tags)):
        told = f"{ami_id} is {revocation.words} · an image revoked by itself was expected · restore its "
        if kept and (where := original_of(ami)):
            raise RevocationError(
                f"{told}original: python -m image_builder restore {where[1]} --region {where[0]}"
            )
        if revocation.relation == "base" and revocation.cause in registry.causes:
            raise RevocationError(f"{told}base: python -m image_builder restore {revocation.cause}")
    if not own and not any(one.is_new for one in settle(registry, {ami_id: kept})):
        raise RevocationError(f"{ami_id} is not revoked · a revoked image was expected")
    return kept


def settle(registry: Registry, wanted: Mapping[str, Sequence[Revocation]]) -> list[Standing]:
    """What has to stand on the images *wanted*, for them to have these revocations beside those of their
    bases, and on all that is built on them, to follow: those images first, then the nearest to them.
    """
    causes = registry.causes
    for ami_id, revocations in wanted.items():
        causes.pop(ami_id, None)
        if first := first_of(revocations):
            causes[ami_id] = first
    standings = []
    for ami in _concerned_by(wanted, registry):
        given = wanted.get(ami.ami_id)
        if given is None:
            given = [one for one in revocations_in(ami.tags) if one.relation != "base"]
        inherited = _inherited(ami, registry.images, causes)
        standings.append(Standing(ami=ami, after=tags_of([*given, *inherited])))
    return standings


def carry_out(standings: Iterable[Standing], tagging: Tagging) -> None:
    """Make *standings* true, in their order as far as images share tags."""
    groups: dict[tuple[tuple[str, str], ...], dict[tuple[tuple[str, str], ...], list[str]]] = {}
    for one in standings:
        if one.is_new:
            surplus = tuple((key, value) for key, value in one.before.items() if key not in one.after)
            group = groups.setdefault(tuple(one.after.items()), {})
            group.setdefault(surplus, []).append(one.ami.ami_id)
    for after, by_surplus in groups.items():
        if after:
            tagging.put([ami_id for ami_ids in by_surplus.values() for ami_id in ami_ids], dict(after))
        # A tag that is put may replace any, one that is removed must be what it was.
        for surplus, ami_ids in by_surplus.items():
            if surplus:
                tagging.remove(ami_ids, dict(surplus))


def _concerned_by(ami_ids: Iterable[str], registry: Registry) -> list[Ami]:
    """Those of *ami_ids* that can be seen, and all that is built on any, the nearest first."""
    found = {ami_id: registry.images[ami_id] for ami_id in ami_ids if ami_id in registry.images}
    below = [one for ami_id in ami_ids for one in descendants(ami_id, registry.images.values())]
    for one in sorted(below, key=lambda one: one.generation):
        found.setdefault(one.ami.ami_id, one.ami)
    return list(found.values())


def _inherited(ami: Ami, images: Mapping[str, Ami], causes: Mapping[str, Revocation]) -> list[Revocation]:
    """That of the base which is revoked first; of several at one time, the nearest."""
    bases = [one.ami_id for one in ancestors(ami, images.get) if one.ami_id in causes]
    first = first_of(causes[ami_id].because_of(ami_id) for ami_id in bases)
    return [first] if first else []
