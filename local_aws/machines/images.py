"""AMIs: each is a podman image, made of a machine's disk by CreateImage."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami

# CreateImage, parameter Name, in the EC2 API reference.
IMAGE_NAME = re.compile(r"[A-Za-z0-9()\[\] ./'@_-]{3,128}")


class LocalAmi(Ami):
    """An AMI that keeps the root volume it was made with (moto's: 15 GB, standard)."""

    def __init__(self, ec2_backend: Any, ami_id: str, **values: Any) -> None:
        self.root_volume: dict[str, Any] = {"VolumeSize": 8, "VolumeType": "gp3", "Encrypted": False}
        super().__init__(ec2_backend, ami_id, **values)
        self.state_reason: dict[str, str] | None = None
        self.imds_support: str | None = None
        self.is_made = threading.Event()
        if self.owner_id != ec2_backend.account_id:
            self.owner_alias = None  # moto gives every AMI that it loads Amazon's alias

    def keep_root_volume(self, *, size: int, volume_type: str, encrypted: bool) -> None:
        """Remember the volume that the snapshot was taken of."""
        self.root_volume = {"VolumeSize": size, "VolumeType": volume_type, "Encrypted": encrypted}
        self.ebs_snapshot.volume.size = size
        self.ebs_snapshot.encrypted = encrypted

    @property
    def block_device_mappings(self) -> list[dict[str, Any]]:
        """The root volume that an instance of this AMI gets."""
        volume = {"SnapshotId": self.ebs_snapshot.id, "DeleteOnTermination": True, **self.root_volume}
        return [{"DeviceName": self.root_device_name, "Ebs": volume}]


class DuplicateImageNameError(EC2ClientError):
    """AWS keeps AMI names unique in each account and region."""

    def __init__(self, name: str, ami_id: str) -> None:
        super().__init__("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {ami_id}")


class MalformedImageNameError(EC2ClientError):
    """The name breaks the rules of CreateImage."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "InvalidAMIName.Malformed",
            f"AMI name {name!r} is not valid: AMI names must be between 3 and 128 characters long, "
            "and may contain letters, numbers, and ()[] ./-'@_",
        )


def check_image_name(name: str, images: Iterable[Ami], account_id: str) -> None:
    """Raise what CreateImage answers when an AMI cannot be called *name*."""
    if not IMAGE_NAME.fullmatch(name or ""):
        raise MalformedImageNameError(name)
    for image in images:
        if image.name == name and image.owner_id == account_id:
            raise DuplicateImageNameError(name, image.id)


def tags_of(ami: Ami) -> dict[str, str]:
    """The tags that *ami* has now."""
    return {tag["key"]: tag["value"] for tag in ami.get_tags()}


def tags_for(specifications: Iterable[Mapping[str, Any]], resource_type: str) -> dict[str, str]:
    """The tags that the TagSpecification of a request gives to *resource_type*."""
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in specifications
        if specification["ResourceType"] == resource_type
        for tag in specification.get("Tags", [])
    }
