"""AMIs and snapshots that go, and what must be asked of each of them before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_FAMILY, UNUSABLE_STATES, Ami
from image_builder.amis import Amis
from image_builder.ec2_client import error_code, reason_of
from image_builder.releasing.originals import copies_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_GONE = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound")


def find_copies(amis: Amis, images: Iterable[Ami]) -> dict[str, list[str]]:
    """The copies of *images* in other regions that are there, or may be, in words, by the original's id.

    What is known of a copy stands on its original too, which therefore stays as long as the copy does.
    """
    wanted: dict[str, dict[str, str]] = {}
    for ami in images:
        for region, copy in copies_of(ami).items():
            wanted.setdefault(region, {})[copy] = ami.ami_id
    found: dict[str, list[str]] = {}
    for region, originals in sorted(wanted.items()):
        try:
            there = amis.elsewhere(region).find_by_ids(originals)
        except (BotoCoreError, ClientError) as error:
            why = reason_of(error)
            told = {
                copy: f"whether its copy {copy} in {region} is there cannot be told: {why}"
                for copy in originals
            }
        else:
            usable = [copy for copy, ami in there.items() if ami.state not in UNUSABLE_STATES]
            told = {copy: f"its copy {copy} is in {region}" for copy in usable}
        for copy, words in told.items():
            found.setdefault(originals[copy], []).append(words)
    return found


def deregister(ec2: EC2Client, ami: Ami) -> None:
    """Deregister *ami* and delete its snapshots; what is gone already is no error."""
    _unless_gone(lambda: ec2.deregister_image(ImageId=ami.ami_id))
    for snapshot_id in ami.snapshot_ids:
        delete_snapshot(ec2, snapshot_id)


def delete_snapshot(ec2: EC2Client, snapshot_id: str) -> None:
    """Delete a snapshot, if it is there."""
    _unless_gone(lambda: ec2.delete_snapshot(SnapshotId=snapshot_id))


def find_orphans(
    ec2: EC2Client, snapshots_of_amis: Collection[str], families: Collection[str] | None, before: datetime
) -> list[str]:
    """The snapshots of *families* (None for all), made *before*, of which no AMI is left: their removal was
    cut off.
    """
    pages = ec2.get_paginator("describe_snapshots").paginate(
        OwnerIds=["self"],
        Filters=[
            {"Name": f"tag:{TAG_BUILT_BY}", "Values": [TAG_BUILT_BY_PACKER]},
            {"Name": "tag-key", "Values": [TAG_FAMILY]},
        ],
        PaginationConfig={"PageSize": 500},
    )
    return sorted(
        one["SnapshotId"]
        for page in pages
        for one in page["Snapshots"]
        if one["SnapshotId"] not in snapshots_of_amis
        and one["StartTime"] < before
        and (families is None or _family_of(one) in families)
    )


def _family_of(snapshot: Any) -> str:
    return next((str(tag["Value"]) for tag in snapshot["Tags"] if tag["Key"] == TAG_FAMILY), "")


def _unless_gone(call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError as error:
        if error_code(error) not in _GONE:
            raise
