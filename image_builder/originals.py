"""Copies of images in other regions, and what they are copies of: a tag of each names the other.

A copy is the same image, so that its checks passed counts for it too. Where it succeeded is told of the AMI
that ran there, from then on: it is looked up there, as a copy is often made before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.inventory import VERIFIED_IN

TAG_COPIED_FROM = "CopiedFrom"
"""On a copy: the AMI that it is a copy of, `REGION/AMI`."""
COPIED_TO = "CopiedTo:"
"""On an AMI: its copy in the region that the rest of the key names."""


def tags_of_copy(tags: Mapping[str, str], region: str, ami_id: str) -> dict[str, str]:
    """The tags that a copy of *ami_id* gets, *tags* being the original's."""
    # Keys that begin with aws: are AWS's own, and refused in a request (EC2 user guide, "Tag restrictions").
    kept = {key: value for key, value in tags.items() if not key.startswith((VERIFIED_IN, COPIED_TO, "aws:"))}
    return {**kept, TAG_COPIED_FROM: f"{region}/{ami_id}"}


def copies_of(ami: Ami) -> dict[str, str]:
    """The id of each copy of *ami*, by region."""
    return {key.removeprefix(COPIED_TO): copy for key, copy in ami.tags.items() if key.startswith(COPIED_TO)}


def with_successes(found: Iterable[Ami], amis: Amis) -> list[Ami]:
    """*found* in *amis*' region, copies with the successes of the AMI that each is a copy of."""
    listed = list(found)
    ids_by_region: dict[str, set[str]] = {}
    for region, ami_id in filter(None, map(_original_of, listed)):
        ids_by_region.setdefault(region, set()).add(ami_id)
    originals = {
        (region, ami_id): original
        for region, ids in ids_by_region.items()
        for ami_id, original in amis.elsewhere(region).find_by_ids(ids).items()
    }
    return [_with_successes_of(ami, originals.get(_original_of(ami) or ("", ""))) for ami in listed]


def _original_of(ami: Ami) -> tuple[str, str] | None:
    region, separator, ami_id = ami.tags.get(TAG_COPIED_FROM, "").partition("/")
    return (region, ami_id) if separator else None


def _with_successes_of(ami: Ami, original: Ami | None) -> Ami:
    tags = original.tags if original else {}
    successes = {key: value for key, value in tags.items() if key.startswith(VERIFIED_IN)}
    return replace(ami, tags={**successes, **ami.tags})
