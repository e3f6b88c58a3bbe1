"""What revoking or restoring an image does to it and to all that is built on it.

An image is revoked by its own word, or because one that it is built on is. What follows is always reckoned
from those words alone (settle), so that a run which was interrupted is finished by the same one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, Ami
from image_builder.amis import Amis
from image_builder.ancestry import ancestors, base_of, descendants
from image_builder.errors import RevocationError
from image_builder.revocation import TAG_REJECTED, TAG_REVOKED, Revocation, revocation_in
from image_builder.tagging import Tagging


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of one image's tag; empty for no tag, before or after."""

    ami: Ami
    before: str
    after: str


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

    @property
    def causes(self) -> dict[str, Revocation]:
        """Each revocation that is an image's own, of an image that cannot be seen too, by id."""
        found: dict[str, Revocation] = {}
        for ami_id, ami in self.images.items():
            revocation = revocation_in(ami.tags)
            if revocation and not revocation.cause:
                found[ami_id] = revocation
            elif revocation and revocation.cause not in self.images:
                found[revocation.cause] = replace(revocation, cause="")
        return found


def read_registry(amis: Amis, ami_id: str) -> Registry:
    """All that there is, and *ami_id*, if it can be seen."""
    own = amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER})
    bases = amis.find_by_ids([ami_id, *filter(None, map(base_of, own))])
    return Registry(
        ours=frozenset(ami.ami_id for ami in own), images={**bases, **{ami.ami_id: ami for ami in own}}
    )


def to_be_revoked(
    ami_id: str, registry: Registry, asked: Revocation, now: datetime, *, is_base: bool
) -> Revocation:
    """The revocation that *ami_id* is to have: *asked*, unless one of its own holds already."""
    if ami_id not in registry.ours | registry.bases and not is_base:
        raise RevocationError(
            f"{ami_id} ({registry.images[ami_id].name}) is neither built by this program nor the base of "
            "such an image · one of these was expected · to have nothing built on it in future, add --base"
        )
    present = registry.causes.get(ami_id)
    return present if present and present.holds(now) else asked


def require_restorable(ami_id: str, registry: Registry) -> None:
    """Raise RevocationError when *ami_id* has no revocation of its own that could be taken back."""
    ami = registry.images.get(ami_id)
    if ami and TAG_REJECTED in ami.tags:
        raise RevocationError(
            f"{ami_id} is {TAG_REJECTED}: {ami.tags[TAG_REJECTED]} · a revoked image was expected, a "
            "rejected one was never fit for use · mend it and run pulumi up, which builds it again"
        )
    revocation = revocation_in(ami.tags) if ami else None
    if revocation and revocation.cause in registry.causes:
        raise RevocationError(
            f"{ami_id} is {revocation.words} · an image revoked by itself was expected · "
            f"restore its base: python -m image_builder restore {revocation.cause}"
        )
    if ami_id not in registry.causes and not settle(ami_id, registry, None):
        raise RevocationError(f"{ami_id} is not revoked · a revoked image was expected")


def concerned_by(ami_id: str, registry: Registry) -> list[Ami]:
    """*ami_id*, if it can be seen, and all that is built on it, the nearest first."""
    root = [registry.images[ami_id]] if ami_id in registry.images else []
    below = sorted(descendants(ami_id, registry.images.values()), key=lambda one: one.generation)
    return [*root, *(one.ami for one in below)]


def settle(ami_id: str, registry: Registry, own: Revocation | None) -> list[Change]:
    """What has to change for *ami_id* to have the revocation *own*, and for all that is built on it to
    follow: the image first, then the nearest to it.
    """
    causes = {key: revocation for key, revocation in registry.causes.items() if key != ami_id}
    if own:
        causes[ami_id] = own
    changes = []
    for ami in concerned_by(ami_id, registry):
        revocation = causes.get(ami.ami_id) or _inherited(ami, registry.images, causes)
        after = revocation.value if revocation else ""
        if after != ami.tags.get(TAG_REVOKED, ""):
            changes.append(Change(ami=ami, before=ami.tags.get(TAG_REVOKED, ""), after=after))
    return changes


def carry_out(changes: Iterable[Change], tagging: Tagging) -> None:
    """Make *changes*, in their order as far as images share a value."""
    by_value: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        # A tag that is put may replace any, one that is removed must be what it was.
        by_value.setdefault((change.after, "" if change.after else change.before), []).append(
            change.ami.ami_id
        )
    for (after, before), ami_ids in by_value.items():
        if after:
            tagging.put(ami_ids, TAG_REVOKED, after)
        else:
            tagging.remove(ami_ids, TAG_REVOKED, before)


def _inherited(ami: Ami, images: Mapping[str, Ami], causes: Mapping[str, Revocation]) -> Revocation | None:
    """That of the base which is revoked first; of several at one time, the nearest."""
    found = [
        causes[one.ami_id].because_of(one.ami_id)
        for one in ancestors(ami, images.get)
        if one.ami_id in causes
    ]
    return min(found, key=lambda revocation: revocation.at or datetime.min.replace(tzinfo=UTC), default=None)
