"""What a launch asks for once its launch template and its AMI have been read: moto itself reads only a part.

EC2's rule (RunInstances, "launch template"): a parameter of the request overrides the template's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

Arguments = dict[str, Any]


def with_template(arguments: Mapping[str, Any], template: Mapping[str, Any]) -> Arguments:
    """moto's arguments of run_instances, completed by the data of a launch template version."""
    result: Arguments = dict(arguments)
    if not result.get("metadata_options"):
        result["metadata_options"] = template.get("MetadataOptions") or {}
    if result.get("monitoring_state", "disabled") == "disabled" and (template.get("Monitoring") or {}).get(
        "Enabled"
    ):
        result["monitoring_state"] = "enabled"
    for argument, key in (
        ("instance_initiated_shutdown_behavior", "InstanceInitiatedShutdownBehavior"),
        ("disable_api_termination", "DisableApiTermination"),
        ("ebs_optimized", "EbsOptimized"),
    ):
        if not result.get(argument) and template.get(key):
            result[argument] = template[key]
    if not result.get("nics") and template.get("NetworkInterfaces"):
        result["nics"] = _network_interfaces(template["NetworkInterfaces"], result.get("subnet_id"))
    if "block_device_mappings" not in result and template.get("BlockDeviceMappings"):
        result["block_device_mappings"] = copy.deepcopy(template["BlockDeviceMappings"])
    tags = dict(result.get("tags") or {})
    tags["volume"] = {**_template_tags(template, "volume"), **tags.get("volume", {})}
    result["tags"] = tags
    return result


def _network_interfaces(
    interfaces: Sequence[Mapping[str, Any]], subnet_id: str | None
) -> list[dict[str, Any]]:
    result = [{"DeviceIndex": 0, **copy.deepcopy(dict(interface))} for interface in interfaces]
    if subnet_id:
        result[0]["SubnetId"] = subnet_id
    return result


def _template_tags(template: Mapping[str, Any], resource_type: str) -> dict[str, str]:
    return {
        tag["Key"]: tag.get("Value", "")
        for specification in template.get("TagSpecifications") or []
        if specification.get("ResourceType") == resource_type
        for tag in specification.get("Tags") or []
    }


def instance_profile(template: Mapping[str, Any]) -> dict[str, str]:
    """The instance profile of a launch template as arguments of moto's associate_iam_instance_profile."""
    profile = template.get("IamInstanceProfile") or {}
    if profile.get("Arn"):
        return {"iam_instance_profile_arn": profile["Arn"]}
    return {"iam_instance_profile_name": profile["Name"]} if profile.get("Name") else {}


def block_devices(
    image_devices: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """The volumes of an instance: those of its AMI, changed and completed by those of the launch."""
    devices: dict[str, dict[str, Any]] = {
        device["DeviceName"]: {"DeviceName": device["DeviceName"], "Ebs": dict(device["Ebs"])}
        for device in image_devices
    }
    for device in asked or []:
        name = device["DeviceName"]
        if device.get("NoDevice") is not None:
            devices.pop(name, None)
        elif device.get("Ebs"):
            given = {key: value for key, value in device["Ebs"].items() if value is not None}
            known = devices.get(name, {"DeviceName": name, "Ebs": {"VolumeSize": 8, "VolumeType": "gp3"}})
            devices[name] = {**known, "Ebs": {**known["Ebs"], **given}}
    return list(devices.values())
