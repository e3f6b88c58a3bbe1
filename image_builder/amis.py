"""Find, describe and tag AMIs."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import Ami, ami_of
from image_builder.ec2_client import (
    error_code,
    has_expired,
    make_client,
    poll_delay_seconds,
    reason_and_advice,
)
from image_builder.errors import AmiError
from image_builder.outage import Outage, watch

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_VALUES_PER_FILTER = 200
"""EC2 user guide, "Filter your resources"."""
_NOT_FOUND = frozenset({"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"})


class Amis:
    """The AMIs of this account in one region."""

    def __init__(
        self,
        client: EC2Client,
        region: str,
        impatient_client: EC2Client | None = None,
        client_of: Callable[[str], EC2Client] = make_client,
    ) -> None:
        self._client = client
        self._impatient_client = impatient_client or client
        self._client_of = client_of
        self.region = region

    @classmethod
    def of(cls, region: str, *, is_preview: bool = False) -> Amis:
        """Those of *region*; a preview gives up on AWS early, because it can do without."""
        client_of = functools.partial(make_client, is_preview=is_preview)
        return cls(client_of(region), region, client_of=client_of)

    @classmethod
    def watched(cls, region: str, say: Callable[[str], None]) -> Amis:
        """Those of *region*; while AWS does not answer, *say* is told so."""
        outage = Outage(say)
        clients = [make_client(region, is_preview=is_impatient) for is_impatient in (False, True)]
        for client in clients:
            watch(client, outage)
        return cls(clients[0], region, clients[1])

    def elsewhere(self, region: str) -> Amis:
        """Those of another region."""
        return Amis(self._client_of(region), region, client_of=self._client_of)

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
        # A disabled AMI is left out otherwise (DescribeImages, EC2 API reference), and still has its name.
        request["IncludeDisabled"] = True
        # DescribeImages with ids takes no page size, and needs none.
        if "ImageIds" in request:
            return [ami_of(image) for image in self._client.describe_images(**request)["Images"]]
        pages = self._client.get_paginator("describe_images").paginate(
            **request, PaginationConfig={"PageSize": 500}
        )
        return (ami_of(image) for page in pages for image in page["Images"])

    @staticmethod
    def _newest_first(amis: Iterable[Ami]) -> list[Ami]:
        return sorted(amis, key=lambda ami: (ami.created_at, ami.ami_id), reverse=True)
