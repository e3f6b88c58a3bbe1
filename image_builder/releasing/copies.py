"""An image in other regions and for other accounts: encrypted, with all its tags, and once.

Every step finds what an earlier run did, and goes on from there.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.ec2_client import make_client, make_kms_client, reason_and_advice
from image_builder.errors import AmiError
from image_builder.registry.snapshots import Snapshots
from image_builder.registry.tagging import Tagging
from image_builder.releasing.originals import (
    COPIED_TO,
    TAG_COPIED_FROM,
    original_of,
    successes_to_add,
    tags_of_copy,
)
from image_builder.releasing.sharing import default_key, judge_key, keys_of, share

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Where an image is to be, and who is to use it."""

    region: str
    """Where it is."""
    copy_to_regions: tuple[str, ...] = ()
    share_with_accounts: tuple[str, ...] = ()
    kms_key: str = ""
    """What copies are encrypted with: an alias that each region has; if empty, the region's own key."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region and how AWS is asked there."""

    region: str
    ec2: EC2Client
    kms: Any

    @classmethod
    def of(cls, region: str, profile: str | None = None) -> Place:
        """The region *region*."""
        ec2, kms = make_client(region, profile=profile), make_kms_client(region, profile=profile)
        return cls(region=region, ec2=ec2, kms=kms)


def spread(
    ami: Ami,
    wanted: Wanted,
    *,
    deadline: float,
    say: Callable[[str], None],
    place: Callable[[str], Place] = Place.of,
) -> dict[str, str]:
    """The copy of *ami* in each region, available and shared, as *ami* is; *deadline* is a time.monotonic().

    What cannot be shared is said before anything is copied. A region that fails keeps no other from its copy:
    AmiError then names each that failed.
    """
    _require_copyable(ami)
    source = place(wanted.region)
    targets = {region: place(region) for region in wanted.copy_to_regions}
    if wanted.share_with_accounts:
        _require_shareable(ami, wanted, source, targets, say)
    failures: dict[str, str] = {}
    begun: dict[str, str] = {}
    for region, target in targets.items():
        with _noted(failures, region):
            begun[region] = find_or_start_copy(ami, source, target, wanted.kms_key)
            if original_of(ami) != (region, begun[region]):
                # From here on a revocation reaches it.
                Tagging(source.ec2).put([ami.ami_id], {f"{COPIED_TO}{region}": begun[region]})
            say(f"copy of {ami.ami_id} in {region}: {begun[region]}")
    with _noted(failures, wanted.region):
        _share(ami, wanted, source, say)
    for region, copy in begun.items():
        with _noted(failures, region):
            made = Amis(targets[region].ec2, region).wait_until_available(copy, deadline=deadline)
            _share(made, wanted, targets[region], say)
    if failures:
        told = "; ".join(f"{region}: {failure}" for region, failure in failures.items())
        raise AmiError(f"{ami.ami_id} is not wherever it was to be · {told} · it is run again by the next up")
    return begun


def copy_to_use(copies: Iterable[Ami]) -> Ami | None:
    """The one of *copies* that need not be made again; an available one rather than a pending one."""
    usable = [copy for copy in copies if copy.state in ("available", "pending")]
    return min(usable, key=lambda copy: not copy.is_available, default=None)


def find_or_start_copy(ami: Ami, source: Place, target: Place, kms_key: str = "") -> str:
    """The id of the copy of *ami* in the other region, which may be pending yet."""
    tags = tags_of_copy(ami.tags, source.region, ami.ami_id)
    there = Amis(target.ec2, target.region)
    copies = there.find_by_tags(**{TAG_COPIED_FROM: tags[TAG_COPIED_FROM]})
    if (original := original_of(ami)) and original[0] == target.region and (first := there.get(original[1])):
        copies.insert(0, first)
    if (existing := copy_to_use(copies)) is not None:
        if existing.refusal:
            raise AmiError(
                f"copy {existing.ami_id} is {existing.refusal} · a copy that is not refused was expected · "
                "restore it, or deregister it to have it made again"
            )
        if successes := successes_to_add(existing.tags, ami):
            Tagging(target.ec2).put([existing.ami_id], successes)
        return existing.ami_id
    snapshots = Snapshots(source.ec2).find(ami.snapshot_ids)
    on_snapshots = {key: value for one in snapshots for key, value in one.tags.items()}
    request: dict[str, Any] = {
        "Name": _free_name(ami.name, there),
        "SourceImageId": ami.ami_id,
        "SourceRegion": source.region,
        "Encrypted": True,
        "ClientToken": str(uuid.uuid4()),
        # With the copy, not after it: an interrupted run finds what it began.
        "TagSpecifications": [
            _specification("image", tags),
            _specification("snapshot", tags_of_copy(on_snapshots, source.region, ami.ami_id)),
        ],
    }
    if kms_key:
        request["KmsKeyId"] = kms_key
    return target.ec2.copy_image(**request)["ImageId"]


def _free_name(name: str, amis: Amis) -> str:
    """*name*, or with a number: names are unique in a region of an account, and a failed copy keeps its own.

    An image of the same fingerprint that was built there has the name too, and is no copy: it has succeeded
    nowhere that the original has, so it cannot stand in for one.
    """
    taken = {ami.name for ami in amis.find_by_name(f"{name}*")}
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if free not in taken)


def _specification(kind: str, tags: Mapping[str, str]) -> dict[str, Any]:
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _require_copyable(ami: Ami) -> None:
    """Refuse to spread an image that cannot be used where it is."""
    if not ami.is_available or ami.refusal:
        raise AmiError(
            f"{ami.ami_id} ({ami.name}) is {ami.refusal or ami.state} · an available image that is not "
            "refused was expected · copy another one"
        )


def _require_shareable(
    ami: Ami, wanted: Wanted, source: Place, targets: Mapping[str, Place], say: Callable[[str], None]
) -> None:
    keys = [(source, key) for key in keys_of(source.ec2, ami)]
    keys += [(target, wanted.kms_key or default_key(target.ec2)) for target in targets.values()]
    for where, key in keys:
        judgement = judge_key(where.kms, key, wanted.share_with_accounts, where.region)
        if judgement.refusal:
            raise AmiError(f"{ami.ami_id} cannot be shared: {judgement.refusal}")
        if judgement.warning:
            say(judgement.warning)


def _share(ami: Ami, wanted: Wanted, where: Place, say: Callable[[str], None]) -> None:
    if wanted.share_with_accounts:
        new = share(where.ec2, ami, wanted.share_with_accounts)
        if new:
            say(f"{ami.ami_id} in {where.region} is shared with {', '.join(new)}")


@contextmanager
def _noted(failures: dict[str, str], region: str) -> Iterator[None]:
    """Note what goes wrong in *region*, so that the others go on."""
    try:
        yield
    except AmiError as error:
        failures[region] = str(error)
    except (BotoCoreError, ClientError) as error:
        failures[region] = reason_and_advice(error)
