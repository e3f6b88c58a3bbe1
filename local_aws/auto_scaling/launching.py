"""Starting EC2 instances from a launch template version, by the EC2 backend's own run_instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import InvalidAMIIdError, MissingParameterError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance
from moto.ec2.utils import convert_tag_spec, parse_user_data

from local_aws.auto_scaling.values import Template


def resolve_template(ec2: EC2Backend, template: Template) -> Template:
    """*template* with the number that its version means now; EC2's error when there is no such version."""
    found = ec2.get_launch_template(template.template_id)
    version = found.get_version(template.version)
    return Template(template_id=found.id, template_name=found.name, version=str(version.number))


def launch_instances(
    ec2: EC2Backend,
    template: Template,
    subnets: Sequence[str],
    tags: dict[str, str],
    on_launched: Callable[[Instance, str], None],
) -> None:
    """Run an instance in each of *subnets*; *on_launched* hears of each at once, so that none is lost
    when a later one fails. Raises EC2's error."""
    version = ec2.get_launch_template(template.template_id).get_version(template.version)
    data = version.data
    if not version.image_id:
        raise MissingParameterError("ImageId")
    if version.image_id not in ec2.amis:
        raise InvalidAMIIdError([version.image_id])
    for subnet, count in Counter(subnets).items():
        reservation = ec2.run_instances(
            version.image_id,
            count,
            _user_data(data),
            version.security_groups,
            **_run_arguments(ec2, template, data, subnet, tags),
        )
        for instance in reservation.instances:
            on_launched(instance, subnet)
            if data.get("IamInstanceProfile"):
                ec2.associate_iam_instance_profile(instance_id=instance.id, **_profile_names(data))


def _run_arguments(
    ec2: EC2Backend, template: Template, data: dict[str, Any], subnet: str, tags: dict[str, str]
) -> dict[str, Any]:
    """What moto's RunInstances hands to run_instances for the same template."""
    instance_type = data.get("InstanceType")
    specified = convert_tag_spec(data.get("TagSpecifications") or [])
    nics = [dict(nic) for nic in data.get("NetworkInterfaces") or []]
    public = nics[0].get("AssociatePublicIpAddress") if nics else None
    return {
        "instance_type": instance_type or "m1.small",
        "is_instance_type_default": not instance_type,
        "region_name": ec2.region_name,
        "subnet_id": subnet or None,
        "owner_id": ec2.account_id,
        "key_name": data.get("KeyName"),
        "security_group_ids": list(data.get("SecurityGroupIds") or []),
        "nics": nics,
        "associate_public_ip": public,
        # A group's tag wins over the template's (user guide, "Tag Auto Scaling groups and instances").
        "tags": {
            "instance": {**specified.get("instance", {}), **tags},
            "volume": specified.get("volume", {}),
        },
        "ebs_optimized": bool(data.get("EbsOptimized", False)),
        "metadata_options": data.get("MetadataOptions") or {},
        "monitoring_state": "enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        # Named as RunInstances names it, so that nobody else associates the template's profile.
        **_profile_names(data),
        "launch_template": {"LaunchTemplateId": template.template_id, "Version": template.version},
    }


def _user_data(data: dict[str, Any]) -> Base64EncodedString | None:
    # moto 5.2.5 leaves the user data of CreateLaunchTemplateVersion a plain string, and its own
    # LaunchTemplateVersion.user_data then fails.
    given = data.get("UserData")
    return given if given is None or isinstance(given, Base64EncodedString) else parse_user_data(given)


def _profile_names(data: dict[str, Any]) -> dict[str, str]:
    profile = data.get("IamInstanceProfile") or {}
    names = {"iam_instance_profile_name": profile.get("Name"), "iam_instance_profile_arn": profile.get("Arn")}
    return {name: value for name, value in names.items() if value}
