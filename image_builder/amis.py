"""Find, describe and tag AMIs: the only boto3 of this package, with the one place where its client is made.

An image's record is its tags (TAG_*), nothing else: whoever can see the AMI can say what it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from image_builder.errors import AmiError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

TAG_BUILT_BY, TAG_BUILT_BY_PACKER = "Built-By", "packer"
TAG_FAMILY, TAG_FINGERPRINT = "ImageFamily", "ImageFingerprint"
TAG_COMMIT, TAG_DIRTY = "GitCommit", "GitDirty"
TAG_SOURCE_AMI, TAG_PACKER_VERSION, TAG_BUILT_AT, TAG_RUN = "SourceAmi", "PackerVersion", "BuiltAt", "RunId"
TAGS_OF_REFUSAL = ("Revoked", "Rejected")
"""An image with one of these, whatever its value, is never used again; the value is the reason."""

_NOT_FOUND = frozenset({"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"})
_ATTEMPTS, _ATTEMPTS_FOR_PREVIEW = 10, 2


@dataclass(frozen=True, kw_only=True)
class Ami:
    """An AMI as DescribeImages tells it."""

    ami_id: str
    name: str
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
    def refusal(self) -> str:
        """Why it must not be used (`Revoked: reason`), or nothing."""
        found = [f"{key}: {self.tags[key]}" for key in TAGS_OF_REFUSAL if key in self.tags]
        return "; ".join(found)

    @property
    def built_at(self) -> str:
        """When it was built, as ISO 8601."""
        return self.tags.get(TAG_BUILT_AT) or self.created_at


class Amis:
    """The AMIs of this account in one region."""

    def __init__(self, client: EC2Client, region: str) -> None:
        self._client = client
        self.region = region

    @classmethod
    def of(cls, region: str, *, is_preview: bool = False) -> Amis:
        """Those of *region*; a preview gives up on AWS early, because it can do without."""
        return cls(make_client(region, is_preview=is_preview), region)

    def get(self, ami_id: str) -> Ami | None:
        """The AMI *ami_id*, in whatever state; None when it is deregistered, or was never there."""
        try:
            found = list(self._describe(ImageIds=[ami_id]))
        except ClientError as error:
            if error_code(error) in _NOT_FOUND:
                return None
            raise
        return found[0] if found and found[0].state != "deregistered" else None

    def find_by_tags(self, **tags: str) -> list[Ami]:
        """Our own AMIs that have all *tags* (`ImageFamily="web"`), in any state, newest first."""
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        return self._newest_first(self._describe(Owners=["self"], Filters=filters))

    def find_by_name(self, pattern: str) -> list[Ami]:
        """Our own AMIs whose name matches *pattern* (with `*`), in any state, newest first."""
        return self._newest_first(
            self._describe(Owners=["self"], Filters=[{"Name": "name", "Values": [pattern]}])
        )

    def add_tags(self, ami: Ami, tags: Mapping[str, str]) -> Ami:
        """*ami* with those of *tags* that it lacks, on itself and on its snapshots."""
        missing = {key: value for key, value in tags.items() if value and key not in ami.tags}
        if missing:
            self._client.create_tags(
                Resources=[ami.ami_id, *ami.snapshot_ids],
                Tags=[{"Key": key, "Value": value} for key, value in missing.items()],
            )
        return Ami(**{**vars(ami), "tags": {**ami.tags, **missing}})

    def wait_until_available(self, ami_id: str, *, deadline: float) -> Ami:
        """The AMI, once it is available; *deadline* is a time.monotonic()."""
        was_there = False
        while True:
            ami = self.get(ami_id)
            if ami is not None and ami.is_available:
                return ami
            if ami is None and was_there:
                raise AmiError(f"{ami_id} was deregistered while it was waited for")
            was_there = ami is not None
            if ami is not None and ami.state != "pending":
                raise AmiError(
                    f"{ami_id} is {ami.state} ({ami.state_reason or 'no reason given'}) · expected: available"
                )
            if time.monotonic() > deadline:
                state = "not there" if ami is None else ami.state
                raise AmiError(
                    f"{ami_id} is still {state} at the deadline · see it in the EC2 console of {self.region}"
                )
            time.sleep(poll_delay_seconds())

    def _describe(self, **request: Any) -> Iterable[Ami]:
        # DescribeImages with ids takes no page size, and needs none.
        if "ImageIds" in request:
            return [_ami_of(image) for image in self._client.describe_images(**request)["Images"]]
        pages = self._client.get_paginator("describe_images").paginate(
            **request, PaginationConfig={"PageSize": 500}
        )
        return (_ami_of(image) for page in pages for image in page["Images"])

    @staticmethod
    def _newest_first(amis: Iterable[Ami]) -> list[Ami]:
        return sorted(amis, key=lambda ami: (ami.created_at, ami.ami_id), reverse=True)


def make_client(region: str, *, is_preview: bool = False) -> EC2Client:
    """An EC2 client that waits out throttling; endpoint and credentials are the environment's."""
    config = Config(
        retries={
            "mode": "adaptive",
            "total_max_attempts": _ATTEMPTS_FOR_PREVIEW if is_preview else _ATTEMPTS,
        },
        connect_timeout=3 if is_preview else 10,
        read_timeout=10 if is_preview else 60,
        user_agent_extra="image-builder",
    )
    # A session of its own: boto3's default one is not made for threads.
    return boto3.session.Session(region_name=region).client("ec2", config=config)


def poll_delay_seconds() -> float:
    """The pause between two looks at AWS; AWS_POLL_DELAY_SECONDS is Packer's own variable for it."""
    return float(os.environ.get("AWS_POLL_DELAY_SECONDS") or 5)


def error_code(error: ClientError) -> str:
    """AWS's name for *error*, such as UnauthorizedOperation."""
    return str(error.response.get("Error", {}).get("Code", ""))


def reason_of(error: BotoCoreError | ClientError) -> str:
    """Why AWS could not be asked, in a few words and without anything secret."""
    if isinstance(error, ClientError):
        return error_code(error) or "an AWS error"
    return " ".join(str(error).split()).rstrip(".")


def _ami_of(image: Any) -> Ami:
    return Ami(
        ami_id=image["ImageId"],
        name=image.get("Name", ""),
        state=image.get("State", ""),
        state_reason=image.get("StateReason", {}).get("Message", ""),
        architecture=image.get("Architecture", ""),
        created_at=_iso(image.get("CreationDate", "")),
        source_ami_id=image.get("SourceImageId", ""),
        tags={tag["Key"]: tag["Value"] for tag in image.get("Tags", [])},
        snapshot_ids=tuple(
            device["Ebs"]["SnapshotId"]
            for device in image.get("BlockDeviceMappings", [])
            if device.get("Ebs", {}).get("SnapshotId")
        ),
    )


def _iso(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return moment
