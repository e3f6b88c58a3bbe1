"""The snapshots behind an AMI, which have tags of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot as DescribeSnapshots tells it."""

    snapshot_id: str
    state: str
    gigabytes: int
    is_encrypted: bool
    tags: Mapping[str, str]


class Snapshots:
    """The snapshots of one region."""

    def __init__(self, client: EC2Client) -> None:
        self._client = client

    def find(self, snapshot_ids: Sequence[str]) -> list[Snapshot]:
        """Those of *snapshot_ids* that this account can see."""
        if not snapshot_ids:
            return []
        # A filter, unlike SnapshotIds, passes over what is gone.
        pages = self._client.get_paginator("describe_snapshots").paginate(
            Filters=[{"Name": "snapshot-id", "Values": list(snapshot_ids)}]
        )
        return [
            Snapshot(
                snapshot_id=one["SnapshotId"],
                state=one["State"],
                gigabytes=one["VolumeSize"],
                is_encrypted=one["Encrypted"],
                tags={tag["Key"]: tag["Value"] for tag in one.get("Tags", [])},
            )
            for page in pages
            for one in page["Snapshots"]
        ]
