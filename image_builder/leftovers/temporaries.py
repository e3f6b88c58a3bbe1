"""What runs of Packer make in EC2 for themselves: found by its tags, and removed one by one.

packer-plugin-amazon 1.8.0 gives a source's `run_tags` to the instance, the key pair, the security group and,
from the call of CreateImage on, to the AMI and its snapshots; `run_volume_tags` to the volumes
(common/step_run_source_instance.go, step_key_pair.go, step_security_group.go
and builder/ebs/step_create_ami.go).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from image_builder.ami import TAG_RUN
from image_builder.ec2_client import error_code, poll_delay_seconds

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

GONE = frozenset({"terminated", "deleting", "deleted", "deregistered"})
# Packer's own names, where a template gives no tags: common/step_security_group.go, and for key pairs
# common/run_config.go, both `packer_` and a UUID.
_PACKERS_NAME = "packer_*"
_PAGE_SIZE = 500
_NOT_THERE = (".NotFound", ".Unavailable")


class Kind(StrEnum):
    """The kinds of temporary things, in the order in which they can be removed."""

    INSTANCE = "instance"
    KEY_PAIR = "key pair"
    SECURITY_GROUP = "security group"
    VOLUME = "volume"
    IMAGE = "image"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, kw_only=True)
class Temporary:
    """One thing in EC2 that a run may have made for itself."""

    kind: Kind
    resource_id: str
    name: str = ""
    state: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    """Of a volume the instances that it is attached to, of an image its snapshots."""


class Temporaries:
    """The temporary things of one region."""

    def __init__(self, client: EC2Client) -> None:
        self._client = client
        self.region = client.meta.region_name

    def find(self) -> list[Temporary]:
        """Everything that has the tag of a run, and what only its name says is Packer's."""
        tagged = [{"Name": "tag-key", "Values": [TAG_RUN]}]
        found = [
            *self._instances(tagged),
            *self._key_pairs(tagged),
            *self._key_pairs([{"Name": "key-name", "Values": [_PACKERS_NAME]}]),
            *self._security_groups(tagged),
            *self._security_groups([{"Name": "group-name", "Values": [_PACKERS_NAME]}]),
            *self._volumes(tagged),
            *self._images(tagged),
            *self._snapshots(tagged),
        ]
        return list({thing.resource_id: thing for thing in found if thing.state not in GONE}.values())

    def remove(self, thing: Temporary) -> None:
        """Remove *thing*; well if it is gone already. An instance is only told to end."""
        client = self._client
        name = thing.resource_id
        removals: dict[Kind, Callable[[], object]] = {
            Kind.INSTANCE: lambda: client.terminate_instances(InstanceIds=[name]),
            Kind.KEY_PAIR: lambda: client.delete_key_pair(KeyName=thing.name),
            Kind.SECURITY_GROUP: lambda: client.delete_security_group(GroupId=name),
            Kind.VOLUME: lambda: client.delete_volume(VolumeId=name),
            Kind.IMAGE: lambda: client.deregister_image(ImageId=name),
            Kind.SNAPSHOT: lambda: client.delete_snapshot(SnapshotId=name),
        }
        try:
            removals[thing.kind]()
        except ClientError as error:
            if not error_code(error).endswith(_NOT_THERE):
                raise

    def wait_until_terminated(self, instance_ids: Iterable[str], *, deadline: float) -> set[str]:
        """Those of *instance_ids* that are not yet terminated at *deadline*, a time.monotonic()."""
        filters = [{"Name": "instance-id", "Values": list(instance_ids)}]
        while filters[0]["Values"]:
            left = {thing.resource_id for thing in self._instances(filters) if thing.state != "terminated"}
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(poll_delay_seconds())
        return set()

    def _instances(self, filters: Any) -> Iterator[Temporary]:
        for reservation in self._pages("describe_instances", "Reservations", Filters=filters):
            for instance in reservation["Instances"]:
                tags = _tags_of(instance)
                yield Temporary(
                    kind=Kind.INSTANCE,
                    resource_id=instance["InstanceId"],
                    name=tags.get("Name", ""),
                    state=instance["State"]["Name"],
                    tags=tags,
                )

    def _key_pairs(self, filters: Any) -> Iterator[Temporary]:
        # DescribeKeyPairs has no pages.
        for key in self._client.describe_key_pairs(Filters=filters)["KeyPairs"]:
            yield Temporary(
                kind=Kind.KEY_PAIR, resource_id=key["KeyPairId"], name=key["KeyName"], tags=_tags_of(key)
            )

    def _security_groups(self, filters: Any) -> Iterator[Temporary]:
        for group in self._pages("describe_security_groups", "SecurityGroups", Filters=filters):
            yield Temporary(
                kind=Kind.SECURITY_GROUP,
                resource_id=group["GroupId"],
                name=group["GroupName"],
                tags=_tags_of(group),
            )

    def _volumes(self, filters: Any) -> Iterator[Temporary]:
        for volume in self._pages("describe_volumes", "Volumes", Filters=filters):
            tags = _tags_of(volume)
            yield Temporary(
                kind=Kind.VOLUME,
                resource_id=volume["VolumeId"],
                name=tags.get("Name", ""),
                state=volume["State"],
                tags=tags,
                depends_on=tuple(attached["InstanceId"] for attached in volume.get("Attachments", [])),
            )

    def _images(self, filters: Any) -> Iterator[Temporary]:
        for image in self._pages("describe_images", "Images", Owners=["self"], Filters=filters):
            devices = image.get("BlockDeviceMappings", [])
            snapshots = (device.get("Ebs", {}).get("SnapshotId") for device in devices)
            yield Temporary(
                kind=Kind.IMAGE,
                resource_id=image["ImageId"],
                name=image.get("Name", ""),
                state=image["State"],
                tags=_tags_of(image),
                depends_on=tuple(filter(None, snapshots)),
            )

    def _snapshots(self, filters: Any) -> Iterator[Temporary]:
        for snapshot in self._pages("describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=filters):
            tags = _tags_of(snapshot)
            yield Temporary(
                kind=Kind.SNAPSHOT,
                resource_id=snapshot["SnapshotId"],
                name=tags.get("Name", ""),
                state=snapshot["State"],
                tags=tags,
            )

    def _pages(self, operation: Any, key: str, **request: Any) -> Iterator[Any]:
        paginator: Any = self._client.get_paginator(operation)
        for page in paginator.paginate(**request, PaginationConfig={"PageSize": _PAGE_SIZE}):
            yield from page[key]


def _tags_of(resource: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
