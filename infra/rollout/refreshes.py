"""Auto Scaling, and what else tells a group's truth, through boto3: the only AWS calls of the rollout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import boto3
from botocore.config import Config

from infra.rollout.errors import RolloutError
from infra.rollout.values import Group, Instance, Preferences, Refresh, Target, TargetHealth

DEFAULT_POLL_DELAY_SECONDS = 5.0
LONGEST_POLL_DELAY_SECONDS = 15.0
INSTANCES_PER_REQUEST = 100


def read_poll_delay_seconds() -> float:
    """How long to wait between two looks at first, from the variable that Packer reads, too."""
    return float(os.environ.get("AWS_POLL_DELAY_SECONDS") or DEFAULT_POLL_DELAY_SECONDS)


class Refreshes:
    """The calls that a rollout needs in one region; each may raise botocore's errors after its retries."""

    def __init__(self, region: str) -> None:
        config = Config(
            region_name=region,
            retries={"mode": "adaptive", "max_attempts": 10},
            connect_timeout=10,
            read_timeout=60,
        )
        self._auto_scaling: Any = boto3.client("autoscaling", config=config)
        self._load_balancing: Any = boto3.client("elbv2", config=config)
        self._ec2: Any = boto3.client("ec2", config=config)

    def describe_group(self, name: str) -> Group:
        """The group with its instances, without their AMIs; raises RolloutError when there is none."""
        groups = self._auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        if not groups["AutoScalingGroups"]:
            raise RolloutError(
                f"Auto Scaling group {name} does not exist · it was expected in this account and region · "
                "run pulumi refresh, then pulumi up"
            )
        group = groups["AutoScalingGroups"][0]
        return Group(
            name=name,
            desired_capacity=group["DesiredCapacity"],
            launch_template_version=str((group.get("LaunchTemplate") or {}).get("Version", "")),
            target_group_arns=tuple(group.get("TargetGroupARNs", ())),
            instances=tuple(
                Instance(
                    instance_id=instance["InstanceId"],
                    lifecycle_state=instance["LifecycleState"],
                    health_status=instance["HealthStatus"],
                    launch_template_version=(instance.get("LaunchTemplate") or {}).get("Version"),
                )
                for instance in group.get("Instances", ())
            ),
        )

    def group_exists(self, name: str) -> bool:
        """Whether there is such a group."""
        groups = self._auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return bool(groups["AutoScalingGroups"])

    def find_ami_ids(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """The AMI of each of these instances that EC2 still knows."""
        return {
            instance["InstanceId"]: instance["ImageId"]
            for chunk in chunks(instance_ids)
            for page in self._ec2.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": chunk}]
            )
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def find_target_health(
        self, target_group_arns: Iterable[str], instance_ids: Sequence[str]
    ) -> dict[str, TargetHealth]:
        """The worst health of each instance in any of these target groups; unregistered ones are left out."""
        worst: dict[str, TargetHealth] = {}
        for arn in target_group_arns:
            answer = self._load_balancing.describe_target_health(TargetGroupArn=arn)
            for description in answer["TargetHealthDescriptions"]:
                instance_id = description["Target"]["Id"]
                health = description["TargetHealth"]
                if instance_id in worst and health["State"] == "healthy":
                    continue
                reason = ": ".join(filter(None, (health.get("Reason"), health.get("Description"))))
                worst[instance_id] = TargetHealth(state=health["State"], reason=reason)
        return {instance_id: worst[instance_id] for instance_id in instance_ids if instance_id in worst}

    def find_running(self, group_name: str) -> Refresh | None:
        """The refresh that is under way; AWS allows one at a time and lists the newest first."""
        answer = self._auto_scaling.describe_instance_refreshes(AutoScalingGroupName=group_name, MaxRecords=1)
        newest = [read_refresh(refresh) for refresh in answer["InstanceRefreshes"]]
        return newest[0] if newest and newest[0].is_running else None

    def describe(self, group_name: str, refresh_id: str) -> Refresh:
        """That refresh now."""
        answer = self._auto_scaling.describe_instance_refreshes(
            AutoScalingGroupName=group_name, InstanceRefreshIds=[refresh_id]
        )
        return read_refresh(answer["InstanceRefreshes"][0])

    def start(self, group_name: str, target: Target, preferences: Preferences) -> str:
        """Start a refresh to *target* and return its id.

        The group itself is not updated first: AWS writes the desired configuration to it on success, and
        rolls back to what it had before (StartInstanceRefresh, Auto Scaling API reference;
        terraform-provider-aws#34189 is what happens otherwise).
        """
        answer = self._auto_scaling.start_instance_refresh(
            AutoScalingGroupName=group_name,
            Strategy="Rolling",
            DesiredConfiguration={
                "LaunchTemplate": {
                    "LaunchTemplateId": target.launch_template_id,
                    "Version": target.launch_template_version,
                }
            },
            Preferences=preferences.to_request(),
        )
        return str(answer["InstanceRefreshId"])

    def find_ami_of_version(self, launch_template_id: str, version: str) -> str | None:
        """The AMI that a launch template's version names; None when the version is gone."""
        answer = self._ec2.describe_launch_template_versions(
            LaunchTemplateId=launch_template_id, Versions=[version]
        )
        versions = answer["LaunchTemplateVersions"]
        return versions[0]["LaunchTemplateData"].get("ImageId") if versions else None

    def find_last_failed_launch(self, group_name: str) -> str | None:
        """What AWS says of the newest scaling activity, if it failed."""
        activities = self._auto_scaling.describe_scaling_activities(
            AutoScalingGroupName=group_name, MaxRecords=1
        )["Activities"]
        if not activities or activities[0]["StatusCode"] != "Failed":
            return None
        return str(
            activities[0].get("StatusMessage") or activities[0].get("Description") or "no reason given"
        )


def read_refresh(answer: dict[str, Any]) -> Refresh:
    """One entry of DescribeInstanceRefreshes."""
    launch_template = (answer.get("DesiredConfiguration") or {}).get("LaunchTemplate") or {}
    return Refresh(
        refresh_id=answer["InstanceRefreshId"],
        status=answer["Status"],
        reason=" ".join(str(answer.get("StatusReason") or "").split()),
        percentage_complete=int(answer.get("PercentageComplete") or 0),
        instances_to_update=int(answer.get("InstancesToUpdate") or 0),
        launch_template_id=launch_template.get("LaunchTemplateId"),
        launch_template_version=launch_template.get("Version"),
    )


def chunks(values: Sequence[str]) -> list[list[str]]:
    """*values* in pieces that one request may name."""
    return [
        list(values[start : start + INSTANCES_PER_REQUEST])
        for start in range(0, len(values), INSTANCES_PER_REQUEST)
    ]
