"""Auto Scaling, and what else tells a group's truth, through boto3: the only AWS calls of the rollout."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.rollout.answers import (
    error_code,
    read_failed_launches,
    read_group,
    read_refresh,
    read_worst_health,
)
from infra.rollout.errors import RolloutError
from infra.rollout.preferences import Preferences
from infra.rollout.values import Group, Refresh, Target, TargetHealth

DEFAULT_POLL_DELAY_SECONDS = 5.0
LONGEST_POLL_DELAY_SECONDS = 15.0
INSTANCES_PER_REQUEST = 100
ACTIVITIES_LOOKED_AT = 10


def read_poll_delay_seconds() -> float:
    """How long to wait between two looks at first, from the variable that Packer reads, too."""
    text = os.environ.get("AWS_POLL_DELAY_SECONDS") or str(DEFAULT_POLL_DELAY_SECONDS)
    try:
        return float(text)
    except ValueError:
        raise RolloutError(
            f"AWS_POLL_DELAY_SECONDS is {text!r} · a number of seconds was expected · unset it"
        ) from None


class Refreshes:
    """The calls that a rollout needs in one region; each may raise botocore's errors after its retries.

    Whoever waits for minutes retries for long; a preview rather says less than wait for an AWS out of reach.
    """

    def __init__(self, region: str, *, is_preview: bool = False) -> None:
        config = Config(
            region_name=region,
            retries={"mode": "adaptive", "max_attempts": 2 if is_preview else 10},
            connect_timeout=3 if is_preview else 10,
            read_timeout=10 if is_preview else 60,
        )
        self._auto_scaling: Any = boto3.client("autoscaling", config=config)
        self._load_balancing: Any = boto3.client("elbv2", config=config)
        self._ec2: Any = boto3.client("ec2", config=config)

    def find_group(self, name: str) -> Group | None:
        """The group with its instances, without their AMIs; None when there is none."""
        groups = self._auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        if not groups["AutoScalingGroups"]:
            return None
        return read_group(groups["AutoScalingGroups"][0])

    def describe_group(self, name: str) -> Group:
        """The group with the AMI of each instance that EC2 knows; raises RolloutError when there is none."""
        group = self.find_group(name)
        if group is None:
            raise RolloutError(
                f"Auto Scaling group {name} does not exist · it was expected in this account and region · "
                "run pulumi refresh, then pulumi up"
            )
        ami_ids = self.find_ami_ids([instance.instance_id for instance in group.instances])
        return replace(
            group,
            instances=tuple(
                replace(instance, ami_id=ami_ids.get(instance.instance_id)) for instance in group.instances
            ),
        )

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
        answers = [
            self._load_balancing.describe_target_health(TargetGroupArn=arn) for arn in target_group_arns
        ]
        worst = read_worst_health(answers)
        return {instance_id: worst[instance_id] for instance_id in instance_ids if instance_id in worst}

    def find_running(self, group_name: str) -> Refresh | None:
        """The refresh that is under way; AWS allows one at a time and lists the newest first."""
        answer = self._auto_scaling.describe_instance_refreshes(AutoScalingGroupName=group_name, MaxRecords=1)
        newest = [read_refresh(refresh) for refresh in answer["InstanceRefreshes"]]
        return newest[0] if newest and newest[0].is_running else None

    def find(self, group_name: str, refresh_id: str) -> Refresh | None:
        """That refresh now; None while AWS does not list it yet."""
        answer = self._auto_scaling.describe_instance_refreshes(
            AutoScalingGroupName=group_name, InstanceRefreshIds=[refresh_id]
        )
        refreshes = [read_refresh(refresh) for refresh in answer["InstanceRefreshes"]]
        return refreshes[0] if refreshes else None

    def start(self, group_name: str, target: Target, preferences: Preferences) -> str | None:
        """Start a refresh to *target* and return its id; None where another one, perhaps ours, is under way.

        The group itself is not updated first: AWS writes the desired configuration to it on success, and
        rolls back to what it had before (StartInstanceRefresh, Auto Scaling API reference;
        terraform-provider-aws#34189 is what happens otherwise).
        """
        try:
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
        except ClientError as error:
            if error_code(error).startswith("InstanceRefreshInProgress"):
                return None
            raise
        return str(answer["InstanceRefreshId"])

    def history(self, group_name: str) -> list[Refresh]:
        """The refreshes that AWS still knows, of six weeks, the newest first."""
        page = self._auto_scaling.describe_instance_refreshes(AutoScalingGroupName=group_name)
        found = list(page["InstanceRefreshes"])
        while page.get("NextToken"):
            page = self._auto_scaling.describe_instance_refreshes(
                AutoScalingGroupName=group_name, NextToken=page["NextToken"]
            )
            found += page["InstanceRefreshes"]
        return [read_refresh(refresh) for refresh in found]

    def cancel(self, group_name: str) -> str | None:
        """End the refresh or rollback under way, without undoing it; its id, None where there is none."""
        return self._end(self._auto_scaling.cancel_instance_refresh, group_name)

    def rollback(self, group_name: str) -> str | None:
        """Turn the refresh under way back; its id, None where there is none that can be turned back."""
        return self._end(self._auto_scaling.rollback_instance_refresh, group_name)

    def _end(self, request: Callable[..., Any], group_name: str) -> str | None:
        try:
            return str(request(AutoScalingGroupName=group_name)["InstanceRefreshId"])
        except ClientError as error:
            if error_code(error).startswith("ActiveInstanceRefreshNotFound"):
                return None
            raise

    def find_ami_of_version(self, launch_template_id: str, version: str) -> str | None:
        """The AMI that a launch template's version names; None when the version is gone."""
        try:
            answer = self._ec2.describe_launch_template_versions(
                LaunchTemplateId=launch_template_id, Versions=[version]
            )
        except ClientError as error:
            if error_code(error).startswith("InvalidLaunchTemplate"):
                return None
            raise
        versions = answer["LaunchTemplateVersions"]
        return versions[0]["LaunchTemplateData"].get("ImageId") if versions else None

    def find_failed_launches(self, group_name: str) -> dict[str, str]:
        """What AWS says of each of the newest scaling activities, by id, back to the last that went well."""
        return read_failed_launches(
            self._auto_scaling.describe_scaling_activities(
                AutoScalingGroupName=group_name, MaxRecords=ACTIVITIES_LOOKED_AT
            )
        )


def chunks(values: Sequence[str]) -> list[list[str]]:
    """*values* in pieces that one request may name."""
    return [
        list(values[start : start + INSTANCES_PER_REQUEST])
        for start in range(0, len(values), INSTANCES_PER_REQUEST)
    ]
