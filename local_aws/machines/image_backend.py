"""moto's AMIs with a disk behind each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidAMIIdError,
    MalformedAMIIdError,
    MissingParameterError,
    UnvailableAMIIdError,
)
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance
from moto.ec2.utils import random_ami_id

from local_aws.home import LocalAwsError, world_lock
from local_aws.machines.images import LocalAmi, check_image_name, tags_for
from local_aws.machines.machine import AnyMachine
from local_aws.machines.machines import Machines
from local_aws.machines.quick_backend import QuickEC2Backend

log = logging.getLogger(__name__)

# CreateImage and CopyImage answer when the disk is copied, if that is soon: Packer's amazon plugin 1.8.0
# looks at a pending image again only after 15 s, whatever AWS_POLL_DELAY_SECONDS says (its common/state.go).
SECONDS_TO_ANSWER = 10


class LocalImages(QuickEC2Backend):
    """The AMIs of one account and region."""

    machines: ClassVar[Machines]

    def create_image(
        self, instance_id: str, name: str, description: str, tag_specifications: list[dict[str, Any]]
    ) -> LocalAmi:
        """Register an AMI of the instance's disk; it is `pending` until the disk is copied."""
        with world_lock:
            check_image_name(name, self.amis.values(), self.account_id)
            instance = self.get_instance(instance_id)
            self.check_state([instance_id], ("running", "stopping", "stopped"), "imaged")
            ami = LocalAmi(
                self,
                random_ami_id(),
                instance=instance,
                name=name,
                description=description,
                state="pending",
                image_location=f"{self.account_id}/{name}",
                root_device_type="ebs",
                root_device_name=instance.root_device_name,
                tags=tags_for(tag_specifications, "image"),
            )
            ami.ebs_snapshot.add_tags(tags_for(tag_specifications, "snapshot"))
            root = instance.block_device_mapping.get(instance.root_device_name)
            if root is not None:
                volume = self.get_volume(root.volume_id)
                ami.keep_root_volume(
                    size=int(volume.size), volume_type=volume.volume_type, encrypted=bool(volume.encrypted)
                )
            self.amis[ami.id] = ami
            image = self.machines.image_of(ami.id)
            self.machine_of(instance).commit(image, lambda error: self._image_made(ami, error))
        ami.is_made.wait(SECONDS_TO_ANSWER)
        return ami

    def deregister_image(self, ami_id: str) -> None:
        """Forget the AMI; its disk goes when no machine runs on it."""
        with world_lock:
            super().deregister_image(ami_id)
        self.machines.discard_image(ami_id)

    def copy_image(
        self,
        source_image_id: str,
        source_region: str,
        name: str | None = None,
        description: str | None = None,
        *,
        encrypted: bool = False,
        tag_specifications: Sequence[dict[str, Any]] = (),
    ) -> LocalAmi:
        """Register a copy of an AMI, from this region or another; it has the tags that are asked for."""
        with world_lock:
            source_backend = cast(LocalImages, ec2_backends[self.account_id][source_region])
            source = source_backend.launchable_image(source_image_id)
            name = name or source.name or ""
            check_image_name(name, self.amis.values(), self.account_id)
            ami = LocalAmi(
                self,
                random_ami_id(),
                source_ami=source,
                name=name,
                description=description or source.description,
                state="pending",
                image_location=f"{self.account_id}/{name}",
                root_device_type="ebs",
                root_device_name=source.root_device_name,
                tags=tags_for(tag_specifications, "image"),
            )
            ami.ebs_snapshot.add_tags(tags_for(tag_specifications, "snapshot"))
            volume = source.root_volume
            ami.keep_root_volume(
                size=volume["VolumeSize"],
                volume_type=volume["VolumeType"],
                encrypted=volume["Encrypted"] or encrypted,
            )
            self.amis[ami.id] = ami
        self.machines.copy_image(source.id, ami.id, lambda error: self._image_made(ami, error))
        ami.is_made.wait(SECONDS_TO_ANSWER)
        return ami

    def register_image(self, *_: Any, **__: Any) -> Any:
        """Refused: there is no disk behind a snapshot here, only behind an AMI."""
        raise EC2ClientError(
            "UnsupportedOperation",
            "The local AWS does not implement RegisterImage: make an AMI with CreateImage or CopyImage",
        )

    def _image_made(self, ami: LocalAmi, error: LocalAwsError | None) -> None:
        with world_lock:
            ami.state = "failed" if error else "available"
            ami.state_reason = {"Code": "Server.InternalError", "Message": str(error)} if error else None
            is_still_wanted = ami.id in self.amis
        ami.is_made.set()
        if error:
            log.error("%s: %s", ami.id, error)
        if not is_still_wanted:
            self.machines.discard_image(ami.id)

    def launchable_image(self, image_id: str | None) -> LocalAmi:
        """The AMI *image_id*, which must be available."""
        if not image_id:
            raise MissingParameterError("ImageId")
        if not image_id.startswith("ami-"):
            raise MalformedAMIIdError([image_id])
        ami = self.amis.get(image_id)
        if image_id in self.deleted_amis or (ami is not None and ami.state != "available"):
            raise UnvailableAMIIdError(image_id)
        if not isinstance(ami, LocalAmi):
            raise InvalidAMIIdError(image_id)
        return ami

    def check_state(self, instance_ids: list[str], allowed: tuple[str, ...], action: str) -> None:
        """Raise IncorrectInstanceState when one of the instances is in no *allowed* state."""
        for instance in self.get_multi_instances_by_id(instance_ids):
            if instance.state not in allowed:
                raise EC2ClientError(
                    "IncorrectInstanceState",
                    f"The instance '{instance.id}' is {instance.state}: it cannot be {action} now",
                )

    def machine_of(self, instance: Instance) -> AnyMachine:
        """The machine behind *instance*."""
        machine = self.machines.find(instance.id)
        if machine is None:
            raise EC2ClientError("InternalError", f"The instance '{instance.id}' has no machine")
        return machine
