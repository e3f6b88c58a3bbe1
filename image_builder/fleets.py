"""What runs in this account, as EC2 and Auto Scaling tell it; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from image_builder.ec2_client import make_client
from image_builder.usage import Instance

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef

_TAG_GROUP = "aws:autoscaling:groupName"
"""Auto Scaling user guide, "Tag lifecycle": each instance that a group launches has it."""
_NOT_TERMINATED: Sequence[str] = ["pending", "running", "shutting-down", "stopping", "stopped"]


class Fleets:
    """The instances and groups of one region."""

    def __init__(self, ec2: EC2Client) -> None:
        self._ec2 = ec2

    @classmethod
    def of(cls, region: str, *, profile: str | None = None) -> Fleets:
        """Those of *region*."""
        return cls(make_client(region, profile=profile))

    def instances(self, *, ami_id: str = "") -> Iterator[Instance]:
        """Every instance that is not terminated; with *ami_id* those that run it."""
        of_ami: list[FilterTypeDef] = [{"Name": "image-id", "Values": [ami_id]}] if ami_id else []
        pages = self._ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": _NOT_TERMINATED}, *of_ami],
            PaginationConfig={"PageSize": 1000},
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                    yield Instance(
                        instance_id=instance["InstanceId"],
                        ami_id=instance["ImageId"],
                        state=instance["State"]["Name"],
                        group=tags.get(_TAG_GROUP, ""),
                    )
