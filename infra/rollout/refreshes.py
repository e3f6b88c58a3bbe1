"""Auto Scaling, and what else tells a group's truth, through boto3: the only AWS calls of the rollout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.rollout.alarms import AlarmState
from infra.rollout.answers import (
    read_alarms,
    read_failed_launches,
    read_group,
    read_refresh,
    read_worst_health,
)
from infra.rollout.aws_errors import AWS_ERRORS, describe_error, error_code, is_transient
from infra.rollout.errors import RolloutError, StartUnansweredError
from infra.rollout.marking import VERIFIED_IN
from infra.rollout.patience import Patience
from infra.rollout.preferences import Preferences
from infra.rollout.values import Group, Refresh, Target, TargetHealth

INSTANCES_PER_REQUEST = 200
"""The values that one filter of EC2 may have (EC2 user guide, "Filter your resources")."""

ACTIVITIES_LOOKED_AT = 10
PATIENCE_SECONDS = 60.0


class Refreshes:
    """The calls that a rollout needs in one region; each may raise botocore's errors once patience ends.

    A preview rather says less than wait for an AWS out of reach.
    """

    def __init__(
        self,
        region: str,
        *,
        is_preview: bool = False,
        patience: Patience | None = None,
        session: boto3.session.Session | None = None,
    ) -> None:
        # Patience asks again, and says so, instead of botocore.
        config = Config(
            region_name=region,
            retries={"mode": "standard", "total_max_attempts": 2 if is_preview else 1},
            connect_timeout=3 if is_preview else 10,
            read_timeout=10 if is_preview else 20,
        )
        make: Any = (session or boto3).client
        self._auto_scaling = make("autoscaling", config=config)
        self._load_balancing = make("elbv2", config=config)
        self._ec2 = make("ec2", config=config)
        self._cloudwatch = make("cloudwatch", config=config)
        seconds = 0.0 if is_preview else PATIENCE_SECONDS
        self._patience = patience or Patience(seconds=seconds, say=lambda line: print(line, flush=True))
        self._ami_ids: dict[str, str] = {}

    def find_group(self, name: str) -> Group | None:
        """The group with its instances, without their AMIs; None when there is none."""
        answer = self._ask(self._auto_scaling.describe_auto_scaling_groups, AutoScalingGroupNames=[name])
        groups = answer["AutoScalingGroups"]
        return read_group(groups[0]) if groups else None

    def require_group(self, name: str) -> Group:
        """The group with its instances, without their AMIs; raises RolloutError when there is none."""
        group = self.find_group(name)
        if group is None:
            raise RolloutError(
                f"Auto Scaling group {name} does not exist · it was expected in this account and region · "
                "run pulumi refresh, then pulumi up"
            )
        return group

    def describe_group(self, name: str) -> Group:
        """The group with the AMI of each instance that EC2 knows; raises RolloutError when there is none."""
        group = self.require_group(name)
        ami_ids = self.find_ami_ids([instance.instance_id for instance in group.instances])
        return replace(
            group,
            instances=tuple(
                replace(instance, ami_id=ami_ids.get(instance.instance_id)) for instance in group.instances
            ),
        )

    def find_ami_ids(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """The AMI of each of these instances that EC2 knows; it never changes, so it is asked for once."""
        unknown = [instance_id for instance_id in instance_ids if instance_id not in self._ami_ids]
        for start in range(0, len(unknown), INSTANCES_PER_REQUEST):
            chunk = unknown[start : start + INSTANCES_PER_REQUEST]
            filters = [{"Name": "instance-id", "Values": chunk}]
            for page in self._pages(self._ec2.describe_instances, Filters=filters):
                for reservation in page["Reservations"]:
                    for instance in reservation["Instances"]:
                        self._ami_ids[instance["InstanceId"]] = instance["ImageId"]
        return {one: self._ami_ids[one] for one in instance_ids if one in self._ami_ids}

    def find_target_health(
        self, target_group_arns: Iterable[str], instance_ids: Sequence[str]
    ) -> dict[str, TargetHealth]:
        """The worst health of each instance in any of these target groups; unregistered ones are left out."""
        worst = read_worst_health(
            self._ask(self._load_balancing.describe_target_health, TargetGroupArn=arn)
            for arn in target_group_arns
        )
        return {instance_id: worst[instance_id] for instance_id in instance_ids if instance_id in worst}

    def find_console(self, instance_id: str) -> str:
        """What the instance wrote to its console, as far as AWS gives it."""
        try:
            # Only instances on Nitro say the latest (GetConsoleOutput, EC2 API reference).
            answer = self._ask(self._ec2.get_console_output, InstanceId=instance_id, Latest=True)
        except ClientError as error:
            if error_code(error) not in ("UnsupportedOperation", "InvalidParameterCombination"):
                raise
            answer = self._ask(self._ec2.get_console_output, InstanceId=instance_id)
        return str(answer.get("Output") or "")

    def find_newest(self, group_name: str) -> Refresh | None:
        """The group's newest refresh; AWS lists the newest first."""
        answer = self._ask(
            self._auto_scaling.describe_instance_refreshes, AutoScalingGroupName=group_name, MaxRecords=1
        )
        return read_refresh(answer["InstanceRefreshes"][0]) if answer["InstanceRefreshes"] else None

    def find_running(self, group_name: str) -> Refresh | None:
        """The refresh that is under way; AWS allows one at a time."""
        newest = self.find_newest(group_name)
        return newest if newest and newest.is_running else None

    def find(self, group_name: str, refresh_id: str) -> Refresh | None:
        """That refresh now; None while AWS does not list it yet."""
        answer = self._ask(
            self._auto_scaling.describe_instance_refreshes,
            AutoScalingGroupName=group_name,
            InstanceRefreshIds=[refresh_id],
        )
        return read_refresh(answer["InstanceRefreshes"][0]) if answer["InstanceRefreshes"] else None

    def start(self, group_name: str, target: Target, preferences: Preferences) -> str | None:
        """Start a refresh to *target*; its id, or None where one, perhaps ours, is under way.

        The group itself is not updated first: AWS writes the desired configuration to it on success, and
        rolls back to what it had before (StartInstanceRefresh, Auto Scaling API reference;
        terraform-provider-aws#34189 is what happens otherwise). A request whose answer is lost may have been
        served, so it is not sent again before somebody has looked: raises StartUnansweredError.
        """
        template = {
            "LaunchTemplateId": target.launch_template_id,
            "Version": target.launch_template_version,
        }
        try:
            answer = self._auto_scaling.start_instance_refresh(
                AutoScalingGroupName=group_name,
                Strategy="Rolling",
                DesiredConfiguration={"LaunchTemplate": template},
                Preferences=preferences.to_request(),
            )
        except AWS_ERRORS as error:
            if error_code(error).startswith("InstanceRefreshInProgress"):
                return None
            if not is_transient(error):
                raise
            raise StartUnansweredError(describe_error(error)) from error
        return str(answer["InstanceRefreshId"])

    def history(self, group_name: str) -> list[Refresh]:
        """The refreshes that AWS still knows, of six weeks, the newest first."""
        request = self._auto_scaling.describe_instance_refreshes
        return [
            read_refresh(refresh)
            for page in self._pages(request, AutoScalingGroupName=group_name)
            for refresh in page["InstanceRefreshes"]
        ]

    def cancel(self, group_name: str) -> str | None:
        """End the refresh or rollback under way, without undoing it; its id, None where there is none."""
        return self._end(self._auto_scaling.cancel_instance_refresh, group_name)

    def rollback(self, group_name: str) -> str | None:
        """Turn the refresh under way back; its id, None where there is none that can be turned back."""
        return self._end(self._auto_scaling.rollback_instance_refresh, group_name)

    def find_alarms(self, names: Sequence[str]) -> list[AlarmState]:
        """Those of these alarms, ten at most, that there are."""
        if not names:
            return []
        kinds = ["MetricAlarm", "CompositeAlarm"]
        request = self._cloudwatch.describe_alarms
        return read_alarms(self._ask(request, AlarmNames=list(names), AlarmTypes=kinds))

    def find_ami_of_version(self, launch_template_id: str, version: str) -> str | None:
        """The AMI that a launch template's version names; None when the version is gone."""
        request = self._ec2.describe_launch_template_versions
        try:
            answer = self._ask(request, LaunchTemplateId=launch_template_id, Versions=[version])
        except ClientError as error:
            if error_code(error).startswith("InvalidLaunchTemplate"):
                return None
            raise
        versions = answer["LaunchTemplateVersions"]
        return versions[0]["LaunchTemplateData"].get("ImageId") if versions else None

    def mark_verified(self, ami_id: str, stack: str, moment: str) -> None:
        """Record on the AMI that it succeeded in *stack*, in place of what it had of it."""
        tags = [{"Key": f"{VERIFIED_IN}{stack}", "Value": moment}]
        self._ask(self._ec2.create_tags, Resources=[ami_id], Tags=tags)

    def find_failed_launches(self, group_name: str) -> dict[str, str]:
        """What AWS says of each of the newest scaling activities, by id, back to the last that went well."""
        request = self._auto_scaling.describe_scaling_activities
        return read_failed_launches(
            self._ask(request, AutoScalingGroupName=group_name, MaxRecords=ACTIVITIES_LOOKED_AT)
        )

    def _ask(self, request: Callable[..., Any], **parameters: object) -> Any:
        return self._patience.ask(request, **parameters)

    def _pages(self, request: Callable[..., Any], **parameters: object) -> Iterator[Any]:
        """Every page of an answer; DescribeInstanceRefreshes has no paginator in botocore."""
        page = self._ask(request, **parameters)
        yield page
        while page.get("NextToken"):
            page = self._ask(request, **parameters, NextToken=page["NextToken"])
            yield page

    def _end(self, request: Callable[..., Any], group_name: str) -> str | None:
        try:
            return str(self._ask(request, AutoScalingGroupName=group_name)["InstanceRefreshId"])
        except ClientError as error:
            if error_code(error).startswith("ActiveInstanceRefreshNotFound"):
                return None
            raise
