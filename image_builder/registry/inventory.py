"""What is told of an image: its record, its base, and who runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from image_builder.ami import TAG_COMMIT, TAG_DIRTY, TAG_FAMILY, TAG_FINGERPRINT, Ami
from image_builder.registry.ancestry import base_of
from image_builder.registry.usage import NOBODY, Users
from image_builder.wording import age

VERIFIED_IN = "VerifiedIn:"
"""What the tag `VerifiedIn:STACK`, whose value is a time, begins with."""


def moment_of(value: str) -> datetime:
    """When it succeeded, by the tag's *value*; words without a time, written by hand, are the oldest."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An image, with what its own record does not hold."""

    ami: Ami
    base: Ami | None
    """What it is built on, where this account can see it."""
    users: Users
    kept_because: Sequence[str] = ()
    """What keeps `prune` from removing it."""

    @property
    def commit(self) -> str:
        """`4e5f6a7`, with a + when there were uncommitted changes."""
        is_dirty = self.ami.tags.get(TAG_DIRTY) == "true"
        return self.ami.tags.get(TAG_COMMIT, "")[:7] + ("+" if is_dirty else "")

    @property
    def verified_in(self) -> dict[str, str]:
        """The time, by stack."""
        return successes_of(self.ami)


def successes_of(ami: Ami) -> dict[str, str]:
    """When *ami* succeeded last, by stack."""
    return {
        key.removeprefix(VERIFIED_IN): moment
        for key, moment in sorted(ami.tags.items())
        if key.startswith(VERIFIED_IN)
    }


def listed(
    amis: Iterable[Ami],
    bases: Mapping[str, Ami],
    users: Mapping[str, Users],
    reasons: Mapping[str, Sequence[str]],
) -> list[Listed]:
    """*amis* in their order, each with what there is to tell; *reasons* are those to keep it."""
    return [
        Listed(
            ami=ami,
            base=bases.get(base_of(ami)),
            users=users.get(ami.ami_id, NOBODY),
            kept_because=reasons.get(ami.ami_id, ()),
        )
        for ami in amis
    ]


def plain(image: Listed, now: datetime) -> dict[str, Any]:
    """*image* for programs."""
    ami, base, base_id = image.ami, image.base, base_of(image.ami)
    return {
        "ami_id": ami.ami_id,
        "name": ami.name,
        "family": ami.tags.get(TAG_FAMILY, ""),
        "fingerprint": ami.tags.get(TAG_FINGERPRINT, ""),
        "state": ami.state,
        "built_at": ami.built_at,
        "age": age(ami.built_at, now),
        "commit": ami.tags.get(TAG_COMMIT, ""),
        "is_dirty": ami.tags.get(TAG_DIRTY) == "true",
        "base": {
            "ami_id": base_id,
            "name": base.name if base else "",
            "created_at": base.created_at if base else "",
            "age": age(base.created_at, now) if base else "",
        }
        if base_id
        else None,
        "verified_in": image.verified_in,
        "refusal": ami.refusal,
        "warning": ami.warning,
        "kept_because": list(image.kept_because),
        "runs_in": {"groups": dict(image.users.groups), "without_group": image.users.without_group},
    }
