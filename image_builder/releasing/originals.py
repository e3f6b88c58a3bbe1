"""Copies of images in other regions, and what they are copies of: a tag of each names the other.

A copy is the same image, so that its checks passed counts for it too, and so does where it succeeded. That is
told of the AMI that ran there, often after the copy was made: it is looked up there, and noted on the copy
once the copy is used, so that it counts on when the original is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from botocore.exceptions import ClientError

from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.ec2_client import error_code
from image_builder.registry.inventory import VERIFIED_IN, moment_of
from image_builder.releasing.revocation import revocation_in, revocation_tags, tags_of

TAG_COPIED_FROM = "CopiedFrom"
"""On a copy: the AMI that it is a copy of, `REGION/AMI`."""
COPIED_TO = "CopiedTo:"
"""On an AMI: its copy in the region that the rest of the key names."""


def tags_of_copy(tags: Mapping[str, str], region: str, ami_id: str) -> dict[str, str]:
    """The tags that a copy of *ami_id* gets, *tags* being the original's."""
    # Keys that begin with aws: are AWS's own, and refused in a request (EC2 user guide, "Tag restrictions").
    kept = {key: value for key, value in tags.items() if not key.startswith((COPIED_TO, "aws:"))}
    for key in revocation_tags(tags):
        del kept[key]
    revocation = revocation_in(tags)
    followed = tags_of([revocation.of_copy(ami_id)] if revocation else [])
    return {**kept, **followed, TAG_COPIED_FROM: f"{region}/{ami_id}"}


def copies_of(ami: Ami) -> dict[str, str]:
    """The id of each copy of *ami*, by region."""
    return {key.removeprefix(COPIED_TO): copy for key, copy in ami.tags.items() if key.startswith(COPIED_TO)}


def successes_to_add(tags: Mapping[str, str], original: Ami) -> dict[str, str]:
    """The tags for the successes of *original* that a copy of it with *tags* does not tell of, or not yet."""
    return {
        key: value
        for key, value in original.tags.items()
        if key.startswith(VERIFIED_IN) and (key not in tags or moment_of(tags[key]) < moment_of(value))
    }


def with_successes(found: Iterable[Ami], amis: Amis) -> list[Ami]:
    """*found* in *amis*' region, copies with the successes of what each is a copy of, and that in turn."""
    listed = list(found)
    originals = _find_originals(listed, amis)
    return [_with_successes_of(ami, originals) for ami in listed]


def keep_successes(used: Ami, amis: Amis, say: Callable[[str], None]) -> None:
    """Note on *used*, where it is a copy, the successes of its originals, which may be removed some day."""
    copy = amis.get(used.ami_id) if original_of(used) else None
    if copy is None:
        return
    (told,) = with_successes([copy], amis)
    try:
        # As if it had none: those that it has are to be replaced, and its snapshots need none.
        amis.add_tags(replace(copy, tags={}, snapshot_ids=()), successes_to_add(copy.tags, told))
    except ClientError as error:
        if error_code(error) != "TagLimitExceeded":
            raise
        say(f"{copy.ami_id} has no room for where its original succeeded: keep {told.tags[TAG_COPIED_FROM]}")


def original_of(ami: Ami) -> tuple[str, str] | None:
    """The region and the id of what *ami* is a copy of; None for what is none."""
    region, separator, ami_id = ami.tags.get(TAG_COPIED_FROM, "").partition("/")
    return (region, ami_id) if separator else None


def _find_originals(copies: Iterable[Ami], amis: Amis) -> dict[tuple[str, str], Ami]:
    """What *copies* are copies of, and what those are, as far as it is there: by region and id."""
    found: dict[tuple[str, str], Ami] = {}
    asked: set[tuple[str, str]] = set()
    wanted = set(filter(None, map(original_of, copies)))
    while wanted:
        asked |= wanted
        news: list[Ami] = []
        for region in sorted({region for region, _ in wanted}):
            ids = [ami_id for where, ami_id in wanted if where == region]
            for ami_id, ami in amis.elsewhere(region).find_by_ids(ids).items():
                found[region, ami_id] = ami
                news.append(ami)
        wanted = set(filter(None, map(original_of, news))) - asked
    return found


def _with_successes_of(ami: Ami, originals: Mapping[tuple[str, str], Ami]) -> Ami:
    """*ami* with the last success in each stack, be it its own or that of an original."""
    tags = dict(ami.tags)
    seen: set[tuple[str, str]] = set()
    at = original_of(ami)
    while at and at in originals and at not in seen:
        seen.add(at)
        tags |= successes_to_add(tags, originals[at])
        at = original_of(originals[at])
    return replace(ami, tags=tags)
