"""An instance refresh as DescribeInstanceRefreshes shows it (API reference, InstanceRefresh)."""

from __future__ import annotations

from typing import Any

from local_aws.auto_scaling.activities import moment
from local_aws.auto_scaling.group import as_specification
from local_aws.auto_scaling.refresh import Preferences, Refresh, Treatment


def as_answer(refresh: Refresh) -> dict[str, Any]:
    """The refresh as DescribeInstanceRefreshes shows it."""
    progress = {"PercentageComplete": refresh.percentage, "InstancesToUpdate": refresh.to_update}
    answer: dict[str, Any] = {
        "InstanceRefreshId": refresh.refresh_id,
        "AutoScalingGroupName": refresh.group_name,
        "Status": refresh.status.value,
        "StartTime": moment(refresh.started_at),
        "ProgressDetails": {"LivePoolProgress": progress},
        "Preferences": _preferences_answer(refresh.preferences),
        "Strategy": "Rolling",
        **progress,
    }
    if refresh.status_reason:
        answer["StatusReason"] = refresh.status_reason[:1023]
    if refresh.ended_at:
        answer["EndTime"] = moment(refresh.ended_at)
    if refresh.desired:
        answer["DesiredConfiguration"] = {"LaunchTemplate": as_specification(refresh.desired)}
    if refresh.rollback:
        before = {
            "PercentageComplete": refresh.rollback.percentage,
            "InstancesToUpdate": refresh.rollback.to_update,
        }
        answer["RollbackDetails"] = {
            "RollbackReason": refresh.rollback.reason[:1023],
            "RollbackStartTime": moment(refresh.rollback.started_at),
            "PercentageCompleteOnRollback": refresh.rollback.percentage,
            "InstancesToUpdateOnRollback": refresh.rollback.to_update,
            "ProgressDetailsOnRollback": {"LivePoolProgress": before},
        }
    return answer


def _preferences_answer(preferences: Preferences) -> dict[str, Any]:
    protected = {Treatment.REPLACE: "Refresh"}.get(preferences.protected_instances)
    standby = {Treatment.REPLACE: "Terminate"}.get(preferences.standby_instances)
    smallest = preferences.min_healthy_percentage
    answer: dict[str, Any] = {
        "MinHealthyPercentage": 90 if smallest is None else smallest,
        "InstanceWarmup": preferences.instance_warmup_seconds,
        "SkipMatching": preferences.skip_matching,
        "AutoRollback": preferences.auto_rollback,
        "ScaleInProtectedInstances": protected or preferences.protected_instances.value,
        "StandbyInstances": standby or preferences.standby_instances.value,
        "BakeTime": preferences.bake_time_seconds,
    }
    if preferences.max_healthy_percentage is not None:
        answer["MaxHealthyPercentage"] = preferences.max_healthy_percentage
    if preferences.checkpoint_percentages:
        answer["CheckpointPercentages"] = list(preferences.checkpoint_percentages)
        answer["CheckpointDelay"] = preferences.checkpoint_delay_seconds
    if preferences.alarms:
        answer["AlarmSpecification"] = {"Alarms": list(preferences.alarms)}
    return answer
