"""How gently a group is replaced: the preferences of an instance refresh, in AWS's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_CHECKPOINT_DELAY_SECONDS = 3600
"""What AWS waits at a checkpoint when it is not told (RefreshPreferences, Auto Scaling API reference)."""

AWS_DEFAULTS = {
    "MinHealthyPercentage": 90,
    "MaxHealthyPercentage": 100,
    "CheckpointDelay": DEFAULT_CHECKPOINT_DELAY_SECONDS,
    "BakeTime": 0,
    "SkipMatching": False,
    "AutoRollback": False,
    "StandbyInstances": "Wait",
    "ScaleInProtectedInstances": "Wait",
}
"""What AWS does when it is not told (RefreshPreferences, Auto Scaling API reference)."""

_NONE_BY_DEFAULT = ("CheckpointPercentages", "BakeTime", "AlarmSpecification")

STANDBY_INSTANCES = ("Wait", "Ignore", "Terminate")
SCALE_IN_PROTECTED_INSTANCES = ("Wait", "Ignore", "Refresh")
ON_REFRESH_IN_PROGRESS = ("wait", "cancel", "fail")


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """RefreshPreferences; None, or an empty tuple, leaves AWS's default."""

    min_healthy_percentage: int | None = None
    max_healthy_percentage: int | None = None
    instance_warmup_seconds: int | None = None
    checkpoint_percentages: tuple[int, ...] = ()
    checkpoint_delay_seconds: int | None = None
    bake_time_seconds: int | None = None
    alarm_names: tuple[str, ...] = ()
    skip_matching: bool | None = None
    auto_rollback: bool | None = None
    standby_instances: str | None = None
    scale_in_protected_instances: str | None = None

    def to_request(self) -> dict[str, Any]:
        """The Preferences of StartInstanceRefresh, without what is unset.

        An empty or null preference is not the same as none (terraform-provider-aws#21777).
        """
        named = {
            "MinHealthyPercentage": self.min_healthy_percentage,
            "MaxHealthyPercentage": self.max_healthy_percentage,
            "InstanceWarmup": self.instance_warmup_seconds,
            "CheckpointPercentages": list(self.checkpoint_percentages) or None,
            "CheckpointDelay": self.checkpoint_delay_seconds,
            "BakeTime": self.bake_time_seconds,
            "AlarmSpecification": {"Alarms": list(self.alarm_names)} if self.alarm_names else None,
            "SkipMatching": self.skip_matching,
            "AutoRollback": self.auto_rollback,
            "StandbyInstances": self.standby_instances,
            "ScaleInProtectedInstances": self.scale_in_protected_instances,
        }
        return {key: value for key, value in named.items() if value is not None}

    def describe_differences(self, others: Preferences) -> list[str]:
        """What *others* do otherwise, as `MinHealthyPercentage 0 (100 here)`."""
        ours, theirs = self._with_defaults(), others._with_defaults()
        # What is unset here may be any, but for what makes a refresh slower and safer.
        asked, given = self.to_request(), others.to_request()
        names = [*asked, *(name for name in _NONE_BY_DEFAULT if name in given and name not in asked)]
        return [
            f"{name} {_shown(theirs.get(name))} ({_shown(ours.get(name))} here)"
            for name in names
            if ours.get(name) != theirs.get(name)
        ]

    def _with_defaults(self) -> dict[str, Any]:
        named = {**AWS_DEFAULTS, **self.to_request()}
        if not self.checkpoint_percentages:
            del named["CheckpointDelay"]
        return named

    @property
    def pause_seconds(self) -> int:
        """How long AWS waits at each checkpoint but the last, where there are some."""
        delay = self.checkpoint_delay_seconds
        return DEFAULT_CHECKPOINT_DELAY_SECONDS if delay is None else delay

    @property
    def shortest_seconds(self) -> int:
        """How long a refresh takes at the least: every pause, the bake time, and one warm-up."""
        pauses = max(0, len(self.checkpoint_percentages) - 1) * self.pause_seconds
        return pauses + (self.bake_time_seconds or 0) + (self.instance_warmup_seconds or 0)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value["Alarms"]
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def read_preferences(answer: Mapping[str, Any]) -> Preferences:
    """The Preferences of an entry of DescribeInstanceRefreshes."""
    return Preferences(
        min_healthy_percentage=answer.get("MinHealthyPercentage"),
        max_healthy_percentage=answer.get("MaxHealthyPercentage"),
        instance_warmup_seconds=answer.get("InstanceWarmup"),
        checkpoint_percentages=tuple(answer.get("CheckpointPercentages") or ()),
        checkpoint_delay_seconds=answer.get("CheckpointDelay"),
        bake_time_seconds=answer.get("BakeTime"),
        alarm_names=tuple((answer.get("AlarmSpecification") or {}).get("Alarms") or ()),
        skip_matching=answer.get("SkipMatching"),
        auto_rollback=answer.get("AutoRollback"),
        standby_instances=answer.get("StandbyInstances"),
        scale_in_protected_instances=answer.get("ScaleInProtectedInstances"),
    )
