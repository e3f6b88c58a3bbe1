"""Find, describe and tag AMIs.

An image's record is its tags (TAG_*), nothing else: whoever can see the AMI can say what it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ec2_client import (
    error_code,
    has_expired,
    make_client,
    poll_delay_seconds,
    reason_and_advice,
)
from image_builder.errors import AmiError
from image_builder.outage import Outage, watch
from image_builder.revocation import refusal_of, warning_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

TAG_BUILT_BY, TAG_BUILT_BY_PACKER = "Built-By", "packer"
TAG_FAMILY, TAG_FINGERPRINT = "ImageFamily", "ImageFingerprint"
TAG_COMMIT, TAG_DIRTY = "GitCommit", "GitDirty"
TAG_SOURCE_AMI, TAG_PACKER_VERSION, TAG_BUILT_AT = "SourceAmi", "PackerVersion", "BuiltAt"
TAG_RUN, TAG_RUN_DEADLINE = "RunId", "RunDeadline"
"""The run that made something, and the moment after which nothing of that run works any more."""
TAG_VERIFIED = "Verified"
"""When the checks of an image passed on a machine that was booted from it."""

AMI_ID = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_VALUES_PER_FILTER = 200
"""EC2 user guide, "Filter your resources"."""
_NOT_FOUND = frozenset({"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"})


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


class Amis:
    """The AMIs of this account in one region."""

    def __init__(self, client: EC2Client, region: str, impatient_client: EC2Client | None = None) -> None:
        self._client = client
        self._impatient_client = impatient_client or client
        self.region = region

    @classmethod
    def of(cls, region: str, *, is_preview: bool = False) -> Amis:
        """Those of *region*; a preview gives up on AWS early, because it can do without."""
        return cls(make_client(region, is_preview=is_preview), region)

    @classmethod
    def watched(cls, region: str, say: Callable[[str], None]) -> Amis:
        """Those of *region*; while AWS does not answer, *say* is told so."""
        outage = Outage(say)
        clients = [make_client(region, is_preview=is_impatient) for is_impatient in (False, True)]
        for client in clients:
            watch(client, outage)
        return cls(clients[0], region, clients[1])

    def find_hopelessness(self) -> str:
        """Why no call can succeed any more, the credentials having expired; else nothing.

        One small call tells; when it gets no answer, that is said by whoever watches.
        """
        try:
            self._impatient_client.describe_images(ImageIds=["ami-00000000000000000"])
        except (BotoCoreError, ClientError) as error:
            return reason_and_advice(error) if has_expired(error) else ""
        return ""

    def get(self, ami_id: str) -> Ami | None:
        """The AMI *ami_id*, in whatever state; None when it is deregistered, or was never there."""
        try:
            found = list(self._describe(ImageIds=[ami_id]))
        except ClientError as error:
            if error_code(error) in _NOT_FOUND:
                return None
            raise
        return found[0] if found and found[0].state != "deregistered" else None

    def find_by_ids(self, ami_ids: Iterable[str]) -> dict[str, Ami]:
        """Those of *ami_ids* that this account can see, whoever owns them, by id."""
        asked = sorted(set(ami_ids))
        # A filter, unlike ImageIds, passes over what is gone.
        return {
            ami.ami_id: ami
            for start in range(0, len(asked), _VALUES_PER_FILTER)
            for ami in self._describe(
                Filters=[{"Name": "image-id", "Values": asked[start : start + _VALUES_PER_FILTER]}],
                IncludeDeprecated=True,
            )
        }

    def find_by_tags(self, **tags: str) -> list[Ami]:
        """Our own AMIs that have all *tags* (`ImageFamily="web"`), in any state, newest first."""
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        return self._newest_first(self._describe(Owners=["self"], Filters=filters))

    def find_by_name(self, pattern: str) -> list[Ami]:
        """Our own AMIs whose name matches *pattern* (with `*`), in any state, newest first."""
        return self._newest_first(
            self._describe(Owners=["self"], Filters=[{"Name": "name", "Values": [pattern]}])
        )

    def find_public(self, owners: Sequence[str], filters: Mapping[str, str]) -> list[Ami]:
        """The AMIs of *owners* that pass DescribeImages' *filters*, newest first."""
        asked = [{"Name": name, "Values": [value]} for name, value in filters.items()]
        return self._newest_first(self._describe(Owners=list(owners), Filters=asked))

    def add_tags(self, ami: Ami, tags: Mapping[str, str]) -> Ami:
        """*ami* with those of *tags* that it lacks, on itself and on its snapshots."""
        missing = {key: value for key, value in tags.items() if value and key not in ami.tags}
        if missing:
            self._client.create_tags(
                Resources=[ami.ami_id, *ami.snapshot_ids],
                Tags=[{"Key": key, "Value": value} for key, value in missing.items()],
            )
        return Ami(**{**vars(ami), "tags": {**ami.tags, **missing}})

    def tag_snapshots(self, ami: Ami, tags: Mapping[str, str]) -> None:
        """Put *tags* on the snapshots of *ami*, not on itself."""
        if ami.snapshot_ids:
            self._client.create_tags(
                Resources=list(ami.snapshot_ids),
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )

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


def _ami_of(image: Any) -> Ami:
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
