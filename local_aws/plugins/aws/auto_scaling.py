"""Auto Scaling groups and their policies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from local_aws.plugins.aws.resource import (
    DELETE_TIMEOUT_SECONDS,
    RETRY_DELAY_SECONDS,
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    absent,
    error_code,
    pascal,
    retry_while,
)

VALIDATION_ERROR = "ValidationError"


class Group(ResourceType):
    """A group; nothing here waits for its capacity, as with waitForCapacityTimeout "0"."""

    token = "aws:autoscaling/group:Group"  # noqa: S105
    arguments = "autoscaling.GroupArgs"
    served = frozenset(
        {
            "name",
            "minSize",
            "maxSize",
            "desiredCapacity",
            "healthCheckType",
            "healthCheckGracePeriod",
            "targetGroupArns",
            "launchTemplate",
            "vpcZoneIdentifiers",
            "waitForCapacityTimeout",
            "forceDelete",
            "tags",
        }
    )
    forces_replacement = frozenset({"name"})
    name_length = 255
    defaults: ClassVar[Mapping[str, Any]] = {"healthCheckGracePeriod": 300}
    computed_names = frozenset({"arn", "availabilityZones", "healthCheckType"})
    settings: ClassVar[Mapping[str, str]] = {
        "minSize": "MinSize",
        "maxSize": "MaxSize",
        "desiredCapacity": "DesiredCapacity",
        "healthCheckType": "HealthCheckType",
        "healthCheckGracePeriod": "HealthCheckGracePeriod",
    }

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it; its id is its name."""
        aws("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=inputs["name"],
            TargetGroupARNs=list(inputs.get("targetGroupArns") or []),
            Tags=to_tags(inputs["name"], inputs.get("tags")),
            **self._to_request(inputs, self.served),
        )
        return str(inputs["name"])

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        group = find_group(aws("autoscaling"), resource_id)
        template = group.get("LaunchTemplate") or {}
        return Observed(
            inputs={
                **{name: group[key] for name, key in self.settings.items() if key in group},
                "name": resource_id,
                "targetGroupArns": group.get("TargetGroupARNs", []),
                "launchTemplate": {
                    "id": template.get("LaunchTemplateId"),
                    "version": str(template.get("Version", "")),
                },
                "vpcZoneIdentifiers": [part for part in group["VPCZoneIdentifier"].split(",") if part],
                "tags": [
                    {"key": tag["Key"], "value": tag["Value"], "propagateAtLaunch": tag["PropagateAtLaunch"]}
                    for tag in group.get("Tags", [])
                ],
            },
            computed={
                "arn": group["AutoScalingGroupARN"],
                "availabilityZones": group["AvailabilityZones"],
                "healthCheckType": group["HealthCheckType"],
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Send what changed and nothing else: capacity and launch template may have been moved by others."""
        auto_scaling = aws("autoscaling")
        request = self._to_request(inputs, changed)
        if request:
            auto_scaling.update_auto_scaling_group(AutoScalingGroupName=resource_id, **request)
        if "targetGroupArns" in changed:
            old = set(find_group(auto_scaling, resource_id).get("TargetGroupARNs", []))
            new = set(inputs.get("targetGroupArns") or [])
            for call, arns in (
                (auto_scaling.attach_load_balancer_target_groups, new - old),
                (auto_scaling.detach_load_balancer_target_groups, old - new),
            ):
                if arns:
                    call(AutoScalingGroupName=resource_id, TargetGroupARNs=sorted(arns))
        if "tags" in changed:
            old_tags = find_group(auto_scaling, resource_id).get("Tags", [])
            new_tags = to_tags(resource_id, inputs.get("tags"))
            kept = {tag["Key"] for tag in new_tags}
            gone = [
                {"ResourceId": resource_id, "ResourceType": "auto-scaling-group", "Key": tag["Key"]}
                for tag in old_tags
                if tag["Key"] not in kept
            ]
            if gone:
                auto_scaling.delete_tags(Tags=gone)
            if new_tags:
                auto_scaling.create_or_update_tags(Tags=new_tags)

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:
        """Scale to nothing, wait until the instances are gone, then delete, as the upstream provider does."""
        auto_scaling = aws("autoscaling")
        try:
            if not state.get("forceDelete"):
                self._drain(auto_scaling, resource_id)
            retry_while(
                lambda: auto_scaling.delete_auto_scaling_group(
                    AutoScalingGroupName=resource_id, ForceDelete=bool(state.get("forceDelete"))
                ),
                {"ScalingActivityInProgress", "ResourceInUse"},
            )
            self._wait_until_gone(auto_scaling, resource_id)
        except Gone:
            return
        except ClientError as error:
            if error_code(error) != VALIDATION_ERROR or "not found" not in str(error):
                raise

    def _to_request(self, inputs: Values, names: frozenset[str]) -> Values:
        request = {
            key: inputs[name]
            for name, key in self.settings.items()
            if name in names and inputs.get(name) is not None
        }
        if "launchTemplate" in names and inputs.get("launchTemplate"):
            template = inputs["launchTemplate"]
            request["LaunchTemplate"] = {
                key: str(template[name])
                for name, key in (
                    ("id", "LaunchTemplateId"),
                    ("name", "LaunchTemplateName"),
                    ("version", "Version"),
                )
                if template.get(name)
            }
        if "vpcZoneIdentifiers" in names and inputs.get("vpcZoneIdentifiers"):
            request["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
        return request

    def _drain(self, auto_scaling: Any, name: str) -> None:
        find_group(auto_scaling, name)
        auto_scaling.update_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=0, DesiredCapacity=0
        )
        deadline = time.monotonic() + DELETE_TIMEOUT_SECONDS
        while instances := find_group(auto_scaling, name)["Instances"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} still has {len(instances)} instances")
            time.sleep(RETRY_DELAY_SECONDS)

    def _wait_until_gone(self, auto_scaling: Any, name: str) -> None:
        deadline = time.monotonic() + DELETE_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            find_group(auto_scaling, name)
            time.sleep(RETRY_DELAY_SECONDS)
        raise TimeoutError(f"{name} is still being deleted")


class Policy(ResourceType):
    """A scaling policy."""

    token = "aws:autoscaling/policy:Policy"  # noqa: S105
    arguments = "autoscaling.PolicyArgs"
    served = frozenset({"name", "autoscalingGroupName", "policyType", "targetTrackingConfiguration"})
    forces_replacement = frozenset({"name", "autoscalingGroupName"})
    name_length = 255
    computed_names = frozenset({"arn"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Put it; its id is its name."""
        tracking = inputs["targetTrackingConfiguration"]
        aws("autoscaling").put_scaling_policy(
            AutoScalingGroupName=inputs["autoscalingGroupName"],
            PolicyName=inputs["name"],
            PolicyType=inputs["policyType"],
            TargetTrackingConfiguration=pascal(tracking),
        )
        return str(inputs["name"])

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Describe it."""
        group_name = inputs.get("autoscalingGroupName")
        policies = absent(
            lambda: aws("autoscaling").describe_policies(
                AutoScalingGroupName=group_name, PolicyNames=[resource_id]
            ),
            VALIDATION_ERROR,
        )["ScalingPolicies"]
        if not policies:
            raise Gone(resource_id)
        return Observed(
            inputs={"name": resource_id, "policyType": policies[0]["PolicyType"]},
            computed={"arn": policies[0]["PolicyARN"]},
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:  # noqa: ARG002
        """Put it anew."""
        self.create(aws, inputs)

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:
        """Delete it."""
        absent(
            lambda: aws("autoscaling").delete_policy(
                AutoScalingGroupName=state["autoscalingGroupName"], PolicyName=resource_id
            ),
            VALIDATION_ERROR,
        )


def find_group(auto_scaling: Any, name: str) -> Values:
    """The group; raises Gone."""
    groups = auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not groups:
        raise Gone(name)
    return dict(groups[0])


def to_tags(group_name: str, tags: list[Values] | None) -> list[Values]:
    """Tags as Auto Scaling takes them."""
    return [
        {
            "ResourceId": group_name,
            "ResourceType": "auto-scaling-group",
            "Key": tag["key"],
            "Value": tag["value"],
            "PropagateAtLaunch": tag["propagateAtLaunch"],
        }
        for tag in tags or []
    ]
