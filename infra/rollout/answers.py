"""AWS's answers read into plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.rollout.alarms import AlarmState
from infra.rollout.aws_errors import one_line
from infra.rollout.preferences import read_preferences
from infra.rollout.values import Group, Instance, Refresh, TargetHealth


def read_group(answer: Mapping[str, Any]) -> Group:
    """One entry of DescribeAutoScalingGroups; it does not say the AMIs of the instances."""
    return Group(
        name=answer["AutoScalingGroupName"],
        desired_capacity=answer["DesiredCapacity"],
        launch_template_version=str((answer.get("LaunchTemplate") or {}).get("Version", "")),
        launch_template_id=(answer.get("LaunchTemplate") or {}).get("LaunchTemplateId", ""),
        target_group_arns=tuple(answer.get("TargetGroupARNs", ())),
        instances=tuple(
            Instance(
                instance_id=instance["InstanceId"],
                lifecycle_state=instance["LifecycleState"],
                health_status=instance["HealthStatus"],
                launch_template_version=(instance.get("LaunchTemplate") or {}).get("Version"),
                launch_template_id=(instance.get("LaunchTemplate") or {}).get("LaunchTemplateId"),
                is_protected_from_scale_in=bool(instance.get("ProtectedFromScaleIn")),
            )
            for instance in answer.get("Instances", ())
        ),
    )


def read_refresh(answer: Mapping[str, Any]) -> Refresh:
    """One entry of DescribeInstanceRefreshes."""
    launch_template = (answer.get("DesiredConfiguration") or {}).get("LaunchTemplate") or {}
    return Refresh(
        refresh_id=answer["InstanceRefreshId"],
        status=answer["Status"],
        reason=one_line(answer.get("StatusReason") or ""),
        rollback_reason=one_line((answer.get("RollbackDetails") or {}).get("RollbackReason") or ""),
        percentage_complete=int(answer.get("PercentageComplete") or 0),
        instances_to_update=int(answer.get("InstancesToUpdate") or 0),
        launch_template_id=launch_template.get("LaunchTemplateId"),
        launch_template_version=launch_template.get("Version"),
        started_at=answer.get("StartTime"),
        ended_at=answer.get("EndTime"),
        preferences=read_preferences(answer.get("Preferences") or {}),
    )


def read_worst_health(answers: Iterable[Mapping[str, Any]]) -> dict[str, TargetHealth]:
    """The worst health of each instance in any of these answers of DescribeTargetHealth."""
    worst: dict[str, TargetHealth] = {}
    for answer in answers:
        for description in answer["TargetHealthDescriptions"]:
            instance_id = description["Target"]["Id"]
            health = description["TargetHealth"]
            if instance_id in worst and health["State"] == "healthy":
                continue
            reason = ": ".join(filter(None, (health.get("Reason"), health.get("Description"))))
            worst[instance_id] = TargetHealth(state=health["State"], reason=reason)
    return worst


def read_alarms(answer: Mapping[str, Any]) -> list[AlarmState]:
    """The alarms in an answer of DescribeAlarms."""
    return [
        AlarmState(
            name=alarm["AlarmName"],
            state=alarm["StateValue"],
            reason=one_line(alarm.get("StateReason") or "no reason given").rstrip("."),
        )
        for alarm in (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
    ]


def read_failed_launches(answer: Mapping[str, Any]) -> dict[str, str]:
    """What AWS says of the newest scaling activities, by id, back to the last one that went well."""
    failed: dict[str, str] = {}
    for activity in answer["Activities"]:
        if activity["StatusCode"] == "Successful":
            break
        if activity["StatusCode"] == "Failed":
            message = activity.get("StatusMessage") or activity.get("Description") or "no reason given"
            failed[activity["ActivityId"]] = one_line(message)
    return failed
