"""What runs in this account, as EC2 and Auto Scaling tell it; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from image_builder.ami import iso
from image_builder.amis import Amis
from image_builder.ec2_client import error_code
from image_builder.registry.groups import Group, GroupStatus, Refresh, instances_of
from image_builder.registry.launch_templates import find_image
from image_builder.registry.launching import Launching, launching_of
from image_builder.registry.usage import Instance

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import FilterTypeDef as GroupFilterTypeDef
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef

_TAG_GROUP = "aws:autoscaling:groupName"
"""Auto Scaling user guide, "Tag lifecycle": each instance that a group launches has it."""
_ENDED = frozenset({"Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"})
"""InstanceRefresh.Status, Auto Scaling API reference: what is none of these may launch instances yet."""
_NOT_TERMINATED: Sequence[str] = ["pending", "running", "shutting-down", "stopping", "stopped"]


def find_instances(ec2: EC2Client, *, ami_id: str = "") -> Iterator[Instance]:
    """Every instance that is not terminated; with *ami_id* those that run it."""
    of_ami: list[FilterTypeDef] = [{"Name": "image-id", "Values": [ami_id]}] if ami_id else []
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": _NOT_TERMINATED}, *of_ami],
        PaginationConfig={"PageSize": 1000},
    )
    for page in pages:
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                yield Instance(
                    instance_id=instance["InstanceId"],
                    ami_id=instance["ImageId"],
                    state=instance["State"]["Name"],
                    group=_tags(instance).get(_TAG_GROUP, ""),
                )


def find_groups(auto_scaling: AutoScalingClient, project: str = "") -> list[Group]:
    """The Auto Scaling groups by name: all, or those with the tag Project=*project*."""
    filters: list[GroupFilterTypeDef] = [{"Name": "tag:Project", "Values": [project]}] if project else []
    pages = auto_scaling.get_paginator("describe_auto_scaling_groups").paginate(
        Filters=filters, PaginationConfig={"PageSize": 100}
    )
    groups = [_group(one) for page in pages for one in page["AutoScalingGroups"]]
    return sorted(groups, key=lambda group: group.name)


def find_configured(auto_scaling: AutoScalingClient, names: Sequence[str]) -> dict[str, str]:
    """The AMI of each of these launch configurations, by name."""
    if not names:
        return {}
    pages = auto_scaling.get_paginator("describe_launch_configurations").paginate()
    return {
        one["LaunchConfigurationName"]: one["ImageId"]
        for page in pages
        for one in page["LaunchConfigurations"]
        if one["LaunchConfigurationName"] in names
    }


def find_refreshes(
    auto_scaling: AutoScalingClient, ec2: EC2Client, group: Group, count: int
) -> list[Refresh]:
    """The last *count* rollouts of *group*, newest first; AWS forgets them after six weeks."""
    answer = auto_scaling.describe_instance_refreshes(AutoScalingGroupName=group.name, MaxRecords=count)
    versions = {one["InstanceRefreshId"]: _version(one, group) for one in answer["InstanceRefreshes"]}
    amis = _amis_by_version(ec2, group, [version for version in versions.values() if version])
    return [
        Refresh(
            refresh_id=one["InstanceRefreshId"],
            status=one["Status"],
            reason=one.get("StatusReason", ""),
            started_at=_iso(one.get("StartTime")),
            ended_at=_iso(one.get("EndTime")),
            ami_id=amis.get(versions[one["InstanceRefreshId"]], ""),
        )
        for one in answer["InstanceRefreshes"]
    ]


def find_running(auto_scaling: AutoScalingClient, group: Group) -> Launching | None:
    """What *group* is being rolled out to; None where no rollout runs."""
    # AWS starts none beside another one (InstanceRefreshInProgress): only the newest can be under way.
    answer = auto_scaling.describe_instance_refreshes(AutoScalingGroupName=group.name, MaxRecords=1)
    running = [one for one in answer["InstanceRefreshes"] if one["Status"] not in _ENDED]
    return launching_of(running[0].get("DesiredConfiguration", {})) if running else None


def find_statuses(
    ec2: EC2Client,
    auto_scaling: AutoScalingClient,
    groups: Sequence[Group],
    instances: Sequence[Instance],
    *,
    rollouts: int,
) -> list[GroupStatus]:
    """Of each of *groups* its image, those of *instances* that are its own, and its last *rollouts*."""
    targets = {
        group.name: find_image(ec2, template) if (template := group.launching.template) else ""
        for group in groups
    }
    own = {group.name: instances_of(group, instances) for group in groups}
    wanted = {*filter(None, targets.values()), *(one.ami_id for some in own.values() for one in some)}
    amis = Amis(ec2, ec2.meta.region_name).find_by_ids(wanted)
    return [
        GroupStatus(
            group=group,
            target_ami_id=targets[group.name],
            amis=amis,
            instances=own[group.name],
            refreshes=find_refreshes(auto_scaling, ec2, group, rollouts),
        )
        for group in groups
    ]


def _version(refresh: Any, group: Group) -> int:
    """The launch template version that *refresh* was to roll out, if it is one of *group*'s; else 0."""
    named, own = launching_of(refresh.get("DesiredConfiguration", {})).template, group.launching.template
    if named is None or own is None or named.template != own.template:
        return 0
    return int(named.version) if named.version.isdecimal() else 0


def _amis_by_version(ec2: EC2Client, group: Group, versions: Sequence[int]) -> dict[int, str]:
    if not versions or not group.launching.template:
        return {}
    # A range, unlike Versions, passes over what is gone.
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(
        **group.launching.template.request,
        MinVersion=str(min(versions)),
        MaxVersion=str(max(versions)),
    )
    try:
        return {
            one["VersionNumber"]: one["LaunchTemplateData"].get("ImageId", "")
            for page in pages
            for one in page["LaunchTemplateVersions"]
        }
    except ClientError as error:
        if error_code(error).startswith("InvalidLaunchTemplate"):
            return {}
        raise


def _group(group: Any) -> Group:
    return Group(
        name=group["AutoScalingGroupName"],
        stack=_tags(group).get("Stack", ""),
        desired_capacity=group["DesiredCapacity"],
        launching=launching_of(group),
        instance_ids=frozenset(instance["InstanceId"] for instance in group["Instances"]),
        project=_tags(group).get("Project", ""),
    )


def _tags(described: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}


def _iso(moment: datetime | None) -> str:
    return iso(moment) if moment else ""
