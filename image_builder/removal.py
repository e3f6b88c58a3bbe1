"""AMIs and snapshots that go, and what must be asked of each of them before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_FAMILY, Ami
from image_builder.ec2_client import error_code

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_GONE = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound")


def find_accounts(ec2: EC2Client, ami_id: str) -> list[str]:
    """Whom *ami_id* is shared with: accounts, organisations, or `everybody`."""
    answer = ec2.describe_image_attribute(ImageId=ami_id, Attribute="launchPermission")
    return sorted(
        one.get("UserId") or one.get("OrganizationArn") or one.get("OrganizationalUnitArn") or "everybody"
        for one in answer["LaunchPermissions"]
    )


def deregister(ec2: EC2Client, ami: Ami) -> None:
    """Deregister *ami* and delete its snapshots; what is gone already is no error."""
    _unless_gone(lambda: ec2.deregister_image(ImageId=ami.ami_id))
    for snapshot_id in ami.snapshot_ids:
        delete_snapshot(ec2, snapshot_id)


def delete_snapshot(ec2: EC2Client, snapshot_id: str) -> None:
    """Delete a snapshot, if it is there."""
    _unless_gone(lambda: ec2.delete_snapshot(SnapshotId=snapshot_id))


def find_orphans(ec2: EC2Client, snapshots_of_amis: Collection[str], before: datetime) -> list[str]:
    """Our images' snapshots, made *before*, of which no AMI is left: their removal was cut off."""
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
        if one["SnapshotId"] not in snapshots_of_amis and one["StartTime"] < before
    )


def _unless_gone(call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError as error:
        if error_code(error) not in _GONE:
            raise
