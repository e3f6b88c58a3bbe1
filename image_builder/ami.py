"""An AMI as DescribeImages tells it, and the tags that are its record.

An image's record is its tags (TAG_*), nothing else: whoever can see the AMI can say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from image_builder.releasing.revocation import refusal_of, warning_of

TAG_BUILT_BY, TAG_BUILT_BY_PACKER = "Built-By", "packer"
TAG_FAMILY, TAG_FINGERPRINT = "ImageFamily", "ImageFingerprint"
TAG_COMMIT, TAG_DIRTY = "GitCommit", "GitDirty"
TAG_SOURCE_AMI, TAG_PACKER_VERSION, TAG_BUILT_AT = "SourceAmi", "PackerVersion", "BuiltAt"
TAG_RUN, TAG_RUN_DEADLINE = "RunId", "RunDeadline"
"""The run that made something, and the moment after which nothing of that run works any more."""
TAG_VERIFIED = "Verified"
"""When the checks of an image passed on a machine that was booted from it."""

UNUSABLE_STATES = frozenset({"failed", "invalid", "error", "deregistered"})
"""Image.State, EC2 API reference: what no instance can be launched from, ever."""
AMI_ID = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")


@dataclass(frozen=True, kw_only=True)
class Ami:
    """An AMI as DescribeImages tells it."""

    ami_id: str
    name: str
    owner_id: str
    state: str
    state_reason: str
    architecture: str
    created_at: str
    source_ami_id: str
    tags: Mapping[str, str]
    snapshot_ids: tuple[str, ...]

    @property
    def is_available(self) -> bool:
        """Whether instances can be launched from it."""
        return self.state == "available"

    @property
    def is_verified(self) -> bool:
        """Whether its checks passed once, on a machine that was booted from it."""
        return TAG_VERIFIED in self.tags

    @property
    def refusal(self) -> str:
        """Why it must not be used (`Revoked TIME by WHO: reason`), or nothing."""
        return refusal_of(self.tags, datetime.now(UTC))

    @property
    def warning(self) -> str:
        """From when it must not be used, and why (`to be Revoked TIME by WHO: reason`), or nothing."""
        return warning_of(self.tags, datetime.now(UTC))

    @property
    def built_at(self) -> str:
        """When it was built, as ISO 8601."""
        return self.tags.get(TAG_BUILT_AT) or self.created_at


def ami_of(image: Any) -> Ami:
    """One of the `Images` of DescribeImages."""
    return Ami(
        ami_id=image["ImageId"],
        name=image.get("Name", ""),
        owner_id=image.get("OwnerId", ""),
        state=image.get("State", ""),
        state_reason=image.get("StateReason", {}).get("Message", ""),
        architecture=image.get("Architecture", ""),
        created_at=_created_at(image.get("CreationDate", "")),
        source_ami_id=image.get("SourceImageId", ""),
        tags={tag["Key"]: tag["Value"] for tag in image.get("Tags", [])},
        snapshot_ids=tuple(
            device["Ebs"]["SnapshotId"]
            for device in image.get("BlockDeviceMappings", [])
            if device.get("Ebs", {}).get("SnapshotId")
        ),
    )


def iso(moment: datetime) -> str:
    """*moment* as it stands in tags: `2026-11-23T09:15:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _created_at(moment: str) -> str:
    try:
        return iso(datetime.fromisoformat(moment))
    except ValueError:
        return moment
