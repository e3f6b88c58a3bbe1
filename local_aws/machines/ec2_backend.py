"""moto's EC2 with a machine behind each instance and a disk behind each AMI."""

from __future__ import annotations

import copy
import logging
from typing import Any, ClassVar

import moto.ec2.urls
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidAMIIdError,
    InvalidKeyPairNameError,
    MalformedAMIIdError,
    MissingParameterError,
    UnvailableAMIIdError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance, InstanceState, Reservation
from moto.ec2.utils import random_ami_id

from local_aws.home import LocalAwsError, world_lock
from local_aws.machines import launch
from local_aws.machines.addresses import CAPACITY, NoAddressLeft
from local_aws.machines.images import LocalAmi, check_image_name, tags_for
from local_aws.machines.instances import (
    SHUTTING_DOWN,
    STOPPING,
    InstanceEvents,
    give_address,
    hostname_of,
    pending,
)
from local_aws.machines.machines import Machines
from local_aws.machines.seed import Seed, decoded_user_data

log = logging.getLogger(__name__)

StateChange = tuple[Instance, InstanceState]


class LocalEC2Backend(EC2Backend):  # type: ignore[misc]
    """One account and region of EC2."""

    machines: ClassVar[Machines]
    _url_module = moto.ec2.urls  # moto would look for it beside this file

    def run_instances(
        self, image_id: str, count: int, user_data: Any, security_group_names: list[str], **kwargs: Any
    ) -> Reservation:
        """Launch *count* instances; their addresses are known at once, their machines boot meanwhile."""
        with world_lock:
            template = self._template_data(kwargs.get("launch_template"))
            ami = self._launchable_image(image_id or template.get("ImageId"))
            self._check_key_pair(kwargs.get("key_name") or template.get("KeyName"))
            arguments = launch.with_template(kwargs, template)
            arguments["block_device_mappings"] = launch.block_devices(
                ami.block_device_mappings, arguments.get("block_device_mappings")
            )
            addresses = self._take_addresses(count)
            try:
                reservation = super().run_instances(
                    ami.id, count, user_data, security_group_names, **arguments
                )
                profile = launch.instance_profile(template)
                is_named_by_request = kwargs.get("iam_instance_profile_name") or kwargs.get(
                    "iam_instance_profile_arn"
                )
                if profile and not is_named_by_request:
                    for instance in reservation.instances:
                        self.associate_iam_instance_profile(instance_id=instance.id, **profile)
                for instance, address in zip(reservation.instances, addresses, strict=True):
                    give_address(instance, address)
                    pending(instance)
                    self.machines.launch(self._seed(instance), address, InstanceEvents(self, instance))
            except BaseException:
                unused = set(addresses) - {instance.private_ip for instance in self.all_instances()}
                self.machines.give_back(sorted(unused))
                raise
            return reservation

    def stop_instances(self, instance_ids: list[str]) -> list[StateChange]:
        """Shut machines down, keeping their disks."""
        with world_lock:
            self._check_state(instance_ids, ("pending", "running", "stopping", "stopped"), "stopped")
            changes: list[StateChange] = []
            for instance in self.get_multi_instances_by_id(instance_ids):
                if instance.state in ("stopping", "stopped"):
                    changes.append((instance, copy.copy(instance.instance_state)))
                    continue
                changes += super().stop_instances([instance.id])
                instance._state = InstanceState(*STOPPING)
                self._machine(instance).stop()
            return changes

    def start_instances(self, instance_ids: list[str]) -> list[StateChange]:
        """Boot stopped machines again."""
        with world_lock:
            self._check_state(instance_ids, ("pending", "running", "stopped"), "started")
            changes: list[StateChange] = []
            for instance in self.get_multi_instances_by_id(instance_ids):
                if instance.state != "stopped":
                    changes.append((instance, copy.copy(instance.instance_state)))
                    continue
                changes += super().start_instances([instance.id])
                pending(instance)
                self._machine(instance).start()
            return changes

    def reboot_instances(self, instance_ids: list[str]) -> list[Instance]:
        """Shut machines down and boot them; their state stays `running`, as on EC2."""
        with world_lock:
            self._check_state(instance_ids, ("pending", "running"), "rebooted")
            instances: list[Instance] = self.get_multi_instances_by_id(instance_ids)
            for instance in instances:
                self._machine(instance).reboot()
            return instances

    def terminate_instances(self, instance_ids: list[str]) -> list[StateChange]:
        """Shut machines down and remove them with their disks."""
        with world_lock:
            self.get_multi_instances_by_id(instance_ids)
            changes: list[StateChange] = []
            for instance_id in instance_ids:
                instance = self.get_instance(instance_id)
                if instance.state in ("shutting-down", "terminated"):
                    changes.append((instance, copy.copy(instance.instance_state)))
                    continue
                changes += super().terminate_instances([instance_id])
                instance._state = InstanceState(*SHUTTING_DOWN)
                self._machine(instance).terminate()
            if not instance_ids:
                super().terminate_instances(instance_ids)
            return changes

    def create_image(
        self, instance_id: str, name: str, description: str, tag_specifications: list[dict[str, Any]]
    ) -> LocalAmi:
        """Register an AMI of the instance's disk; it is `pending` until the disk is copied."""
        with world_lock:
            check_image_name(name, self.amis.values(), self.account_id)
            instance = self.get_instance(instance_id)
            self._check_state([instance_id], ("running", "stopping", "stopped"), "imaged")
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
            self._machine(instance).commit(image, lambda error: self._image_made(ami, error))
            return ami

    def deregister_image(self, ami_id: str) -> None:
        """Forget the AMI; its disk goes when no machine runs on it."""
        with world_lock:
            super().deregister_image(ami_id)
        self.machines.discard_image(ami_id)

    def register_image(self, name: str | None = None, description: str | None = None) -> Any:
        """Refused: there is no disk behind a snapshot here, only behind an AMI."""
        raise _unsupported("RegisterImage", "CreateImage of an instance")

    def copy_image(
        self, source_image_id: str, source_region: str, name: Any = None, description: Any = None
    ) -> Any:
        """Refused: an AMI's disk belongs to one region here."""
        raise _unsupported("CopyImage", "CreateImage of an instance in that region")

    def console_output(self, instance_id: str) -> str:
        """What the instance's machine last wrote to its console."""
        instance = self.get_instance(instance_id)
        machine = self.machines.find(instance.id)
        return machine.console() if machine else ""

    def _image_made(self, ami: LocalAmi, error: LocalAwsError | None) -> None:
        with world_lock:
            ami.state = "failed" if error else "available"
            ami.state_reason = {"Code": "Server.InternalError", "Message": str(error)} if error else None
            is_still_wanted = ami.id in self.amis
        if error:
            log.error("%s: %s", ami.id, error)
        if not is_still_wanted:
            self.machines.discard_image(ami.id)

    def _template_data(self, launch_template: dict[str, Any] | None) -> dict[str, Any]:
        return dict(self._get_template_from_args(launch_template).data) if launch_template else {}

    def _launchable_image(self, image_id: str | None) -> LocalAmi:
        if not image_id:
            raise MissingParameterError("ImageId")
        if not image_id.startswith("ami-"):
            raise MalformedAMIIdError([image_id])
        ami = self.amis.get(image_id)
        if image_id in self.deleted_amis or (ami is not None and ami.state != "available"):
            raise UnvailableAMIIdError(image_id)
        if ami is None:
            raise InvalidAMIIdError(image_id)
        return ami

    def _check_key_pair(self, key_name: str | None) -> None:
        if key_name and key_name not in self.key_pairs:
            raise InvalidKeyPairNameError({key_name})

    def _check_state(self, instance_ids: list[str], allowed: tuple[str, ...], action: str) -> None:
        for instance in self.get_multi_instances_by_id(instance_ids):
            if instance.state not in allowed:
                raise EC2ClientError(
                    "IncorrectInstanceState",
                    f"The instance '{instance.id}' is not in a state from which it can be {action}: {instance.state}",
                )

    def _take_addresses(self, count: int) -> list[str]:
        try:
            return self.machines.take_addresses(count)
        except NoAddressLeft as error:
            raise EC2ClientError(
                "InsufficientInstanceCapacity",
                f"The local AWS has no capacity for this launch ({error}); it runs at most {CAPACITY} machines: "
                "terminate some first",
            ) from error

    def _machine(self, instance: Instance) -> Any:
        machine = self.machines.find(instance.id)
        if machine is None:
            raise EC2ClientError("InternalError", f"The instance '{instance.id}' has no machine")
        return machine

    def _seed(self, instance: Instance) -> Seed:
        key_pair = self.key_pairs.get(instance.key_name)
        user_data = instance.user_data
        return Seed(
            instance_id=instance.id,
            ami_id=instance.image_id,
            hostname=hostname_of(instance.private_ip),
            public_keys=(key_pair.public_key.strip(),) if key_pair else (),
            user_data=decoded_user_data(user_data.as_bytes() if user_data else None),
        )


def _unsupported(action: str, instead: str) -> EC2ClientError:
    return EC2ClientError(
        "UnsupportedOperation", f"The local AWS does not implement {action}; what it has instead: {instead}"
    )
