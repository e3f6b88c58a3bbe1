"""A group, its instances, their images and their health: what is really there, read through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.rollout.answers import read_group, read_worst_health
from infra.rollout.aws_errors import error_code
from infra.rollout.errors import RolloutError
from infra.rollout.patience import PATIENCE_SECONDS, Patience
from infra.rollout.values import Fleet, Group, TargetHealth

INSTANCES_PER_REQUEST = 200
"""The values that one filter of EC2 may have (EC2 user guide, "Filter your resources")."""


class Fleets:
    """The calls that tell of groups in one region; each may raise botocore's errors once patience ends.

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

    def describe_fleet(self, name: str, *, ignores_standby: bool = False) -> Fleet:
        """The group with the AMI and the target health of each instance; raises as describe_group does."""
        group = self.describe_group(name)
        if ignores_standby:
            group = group.without_standby()
        names = [instance.instance_id for instance in group.instances]
        return Fleet(group=group, health=self.find_target_health(group.target_group_arns, names))

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

    def _ask(self, request: Callable[..., Any], **parameters: object) -> Any:
        return self._patience.ask(request, **parameters)

    def _pages(self, request: Callable[..., Any], **parameters: object) -> Iterator[Any]:
        """Every page of an answer; DescribeInstanceRefreshes has no paginator in botocore."""
        page = self._ask(request, **parameters)
        yield page
        while page.get("NextToken"):
            page = self._ask(request, **parameters, NextToken=page["NextToken"])
            yield page
