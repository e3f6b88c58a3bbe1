"""Copies of an AMI in other regions: encrypted, with all its tags, and made once.

A copy is the same image: it keeps that its checks passed. Which environments ran it is told of the AMI that
they ran, so a copy begins without that.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from image_builder.amis import Ami, Amis
from image_builder.errors import AmiError
from image_builder.inventory import VERIFIED_IN
from image_builder.snapshots import Snapshots

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

TAG_COPIED_FROM = "CopiedFrom"
"""The AMI that something is a copy of: `REGION/AMI`."""


def require_copyable(ami: Ami) -> None:
    """Refuse to spread an image that cannot be used where it is."""
    if not ami.is_available or ami.refusal:
        raise AmiError(
            f"{ami.ami_id} ({ami.name}) is {ami.refusal or ami.state} · an available image that is not "
            "refused was expected · copy another one"
        )


def tags_of_copy(tags: Mapping[str, str], region: str, ami_id: str) -> dict[str, str]:
    """The tags that a copy of *ami_id* gets, *tags* being the original's."""
    # Keys that begin with aws: are AWS's own, and refused in a request (EC2 user guide, "Tag restrictions").
    kept = {key: value for key, value in tags.items() if not key.startswith((VERIFIED_IN, "aws:"))}
    return {**kept, TAG_COPIED_FROM: f"{region}/{ami_id}"}


def copy_to_use(copies: Iterable[Ami]) -> Ami | None:
    """The one of *copies* that need not be made again; an available one rather than a pending one."""
    usable = [copy for copy in copies if copy.state in ("available", "pending")]
    return min(usable, key=lambda copy: not copy.is_available, default=None)


def find_or_start_copy(ami: Ami, source: tuple[EC2Client, str], target: tuple[EC2Client, str]) -> str:
    """The id of the copy of *ami* in the other region, which may be pending yet."""
    (source_client, source_region), (client, region) = source, target
    tags = tags_of_copy(ami.tags, source_region, ami.ami_id)
    copies = Amis(client, region).find_by_tags(**{TAG_COPIED_FROM: tags[TAG_COPIED_FROM]})
    if (existing := copy_to_use(copies)) is not None:
        if existing.refusal:
            raise AmiError(
                f"copy {existing.ami_id} in {region} is {existing.refusal} · a copy that is not refused was "
                f"expected · restore it, or deregister it to have it made again"
            )
        return existing.ami_id
    snapshots = Snapshots(source_client).find(ami.snapshot_ids)
    on_snapshots = {key: value for one in snapshots for key, value in one.tags.items()}
    specifications = [("image", tags), ("snapshot", tags_of_copy(on_snapshots, source_region, ami.ami_id))]
    return client.copy_image(
        # A failed copy keeps its name, and names are unique in a region of an account.
        Name=f"{ami.name}-{len(copies) + 1}" if copies else ami.name,
        SourceImageId=ami.ami_id,
        SourceRegion=source_region,
        Encrypted=True,
        ClientToken=str(uuid.uuid4()),
        # With the copy, not after it: an interrupted run finds what it began.
        TagSpecifications=[
            {
                "ResourceType": "image" if kind == "image" else "snapshot",
                "Tags": [{"Key": key, "Value": value} for key, value in of_kind.items()],
            }
            for kind, of_kind in specifications
        ],
    )["ImageId"]
