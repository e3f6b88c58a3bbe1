"""moto's EC2 with a machine behind each instance and a disk behind each AMI."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidKeyPairNameError,
)
from moto.ec2.models.instances import Instance, InstanceState, Reservation
from moto.ec2.utils import filter_iam_instance_profiles

from local_aws.home import world_lock
from local_aws.identity.credentials import give_credentials
from local_aws.machines import launch
from local_aws.machines.addresses import NoAddressLeft
from local_aws.machines.image_backend import LocalImages
from local_aws.machines.images import tags_of
from local_aws.machines.instances import (
    SHUTTING_DOWN,
    STOPPING,
    InstanceEvents,
    give_address,
    hostname_of,
    pending,
)
from local_aws.machines.seed import Seed, decoded_user_data

log = logging.getLogger(__name__)

StateChange = tuple[Instance, InstanceState]
# What moto says for a call without one.
NO_CLIENT_TOKEN = "ABCDE"  # noqa: S105


class LocalEC2Backend(LocalImages):
    """One account and region of EC2."""

    def run_instances(
        self, image_id: str, count: int, user_data: Any, security_group_names: list[str], **kwargs: Any
    ) -> Reservation:
        """Launch *count* instances; their addresses are known at once, their machines boot meanwhile.

        A call that is repeated launches nothing (EC2 API Reference, RunInstances, ClientToken).
        """
        with world_lock:
            if earlier := self._launched_with(kwargs.get("client_token")):
                return earlier
            template = self._template_data(kwargs.get("launch_template"))
            ami = self.launchable_image(image_id or template.get("ImageId"))
            self._check_key_pair(kwargs.get("key_name") or template.get("KeyName"))
            arguments = launch.with_template(kwargs, template)
            if ami.imds_support == "v2.0":
                arguments["metadata_options"] = {"HttpTokens": "required", **arguments["metadata_options"]}
            arguments["block_device_mappings"] = launch.block_devices(
                ami.block_device_mappings, arguments.get("block_device_mappings")
            )
            tags = {"tags": arguments["tags"].get("instance") or {}, "image_tags": tags_of(ami)}
            self._check_tags(**tags)
            addresses = self._take_addresses(count)
            try:
                reservation = super().run_instances(
                    ami.id, count, user_data, security_group_names, **arguments
                )
                names = ("iam_instance_profile_name", "iam_instance_profile_arn")
                asked = {name: kwargs[name] for name in names if kwargs.get(name)}
                profile = asked or launch.instance_profile(template)
                if profile and not asked:
                    for instance in reservation.instances:
                        self.associate_iam_instance_profile(instance_id=instance.id, **profile)
                for instance, address in zip(reservation.instances, addresses, strict=True):
                    give_address(instance, address)
                    pending(instance)
                    self.machines.launch(
                        self._seed(instance, self._credentials(instance, profile)),
                        address,
                        InstanceEvents(self, instance),
                        **tags,
                    )
            except BaseException:
                unused = set(addresses) - {instance.private_ip for instance in self.all_instances()}
                self.machines.give_back(sorted(unused))
                raise
            return reservation

    def _launched_with(self, client_token: str | None) -> Reservation | None:
        if client_token in (None, NO_CLIENT_TOKEN):
            return None
        # A launch that was refused leaves moto an empty reservation.
        launched = (each for each in self.reservations.values() if each.instances)
        return next((each for each in launched if each.instances[0].client_token == client_token), None)

    def stop_instances(self, instance_ids: list[str]) -> list[StateChange]:
        """Shut machines down, keeping their disks."""
        with world_lock:
            self.check_state(instance_ids, ("pending", "running", "stopping", "stopped"), "stopped")
            changes: list[StateChange] = []
            for instance in self.get_multi_instances_by_id(instance_ids):
                if instance.state in ("stopping", "stopped"):
                    changes.append((instance, copy.copy(instance.instance_state)))
                    continue
                changes += super().stop_instances([instance.id])
                instance._state = InstanceState(*STOPPING)
                self.machine_of(instance).stop()
            return changes

    def start_instances(self, instance_ids: list[str]) -> list[StateChange]:
        """Boot stopped machines again."""
        with world_lock:
            self.check_state(instance_ids, ("pending", "running", "stopped"), "started")
            changes: list[StateChange] = []
            for instance in self.get_multi_instances_by_id(instance_ids):
                if instance.state != "stopped":
                    changes.append((instance, copy.copy(instance.instance_state)))
                    continue
                changes += super().start_instances([instance.id])
                pending(instance)
                self.machine_of(instance).start()
            return changes

    def reboot_instances(self, instance_ids: list[str]) -> list[Instance]:
        """Shut machines down and boot them; their state stays `running`, as on EC2."""
        with world_lock:
            self.check_state(instance_ids, ("pending", "running"), "rebooted")
            instances: list[Instance] = self.get_multi_instances_by_id(instance_ids)
            for instance in instances:
                self.machine_of(instance).reboot()
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
                self.machine_of(instance).terminate()
            if not instance_ids:
                super().terminate_instances(instance_ids)
            return changes

    def console_output(self, instance_id: str) -> str:
        """What the instance's machine last wrote to its console."""
        instance = self.get_instance(instance_id)
        machine = self.machines.find(instance.id)
        return machine.console() if machine else ""

    def _template_data(self, launch_template: dict[str, Any] | None) -> dict[str, Any]:
        return dict(self._get_template_from_args(launch_template).data) if launch_template else {}

    def _check_key_pair(self, key_name: str | None) -> None:
        if key_name and key_name not in self.key_pairs:
            raise InvalidKeyPairNameError({key_name})

    def _check_tags(self, *, tags: Mapping[str, str], image_tags: Mapping[str, str]) -> None:
        try:
            self.machines.check_tags(tags, image_tags)
        except ValueError as error:
            raise EC2ClientError("InvalidParameterValue", str(error)) from error

    def _take_addresses(self, count: int) -> list[str]:
        try:
            return self.machines.take_addresses(count)
        except NoAddressLeft as error:
            raise EC2ClientError(
                "InsufficientInstanceCapacity",
                f"The local AWS has no capacity for this launch ({error}); it runs at most "
                f"{self.machines.capacity} machines: terminate some first",
            ) from error

    def _seed(self, instance: Instance, credentials: str) -> Seed:
        key_pair = self.key_pairs.get(instance.key_name or "")
        user_data = instance.user_data
        return Seed(
            instance_id=instance.id,
            ami_id=instance.image_id,
            hostname=hostname_of(instance.private_ip or ""),
            public_keys=(key_pair.public_key.strip(),) if key_pair else (),
            user_data=decoded_user_data(user_data.as_bytes() if user_data else None),
            credentials=credentials,
        )

    def _credentials(self, instance: Instance, profile: Mapping[str, str]) -> str:
        if not profile:
            return ""
        found = filter_iam_instance_profiles(
            self.account_id,
            partition=self.partition,
            iam_instance_profile_arn=profile.get("iam_instance_profile_arn"),
            iam_instance_profile_name=profile.get("iam_instance_profile_name"),
        )
        roles = found.roles
        if not roles:
            return ""
        return give_credentials(
            account_id=self.account_id,
            region=self.region_name,
            role_arn=roles[0].arn,
            instance_id=instance.id,
        )
