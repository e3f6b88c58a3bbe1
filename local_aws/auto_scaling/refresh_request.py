"""Reading what StartInstanceRefresh was asked for: parameters in, Preferences out, or AWS's refusal."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.auto_scaling.refresh import Preferences, Treatment

_PROTECTED = {"Wait": Treatment.WAIT, "Ignore": Treatment.IGNORE, "Refresh": Treatment.REPLACE}
_STANDBY = {"Wait": Treatment.WAIT, "Ignore": Treatment.IGNORE, "Terminate": Treatment.REPLACE}
_RANGES = {
    "MinHealthyPercentage": (0, 100),
    "MaxHealthyPercentage": (100, 200),
    "InstanceWarmup": (0, 1_000_000),
    "CheckpointDelay": (0, 172_800),
    "BakeTime": (0, 172_800),
}
_NUMBERLESS = {"SkipMatching", "AutoRollback", "CheckpointPercentages", "AlarmSpecification"}
_KNOWN = {*_RANGES, *_NUMBERLESS, "ScaleInProtectedInstances", "StandbyInstances"}
MOST_ALARMS = 10


class RefusedRequestError(ValueError):
    """What AWS answers with a ValidationError."""


def read_preferences(given: Mapping[str, Any], *, default_warmup_seconds: int) -> Preferences:
    """The preferences *given* to StartInstanceRefresh, checked as RefreshPreferences (API reference) says.

    The warm-up defaults to the group's default instance warmup, else to its health check grace period.
    """
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise RefusedRequestError(
            f"Preferences.{unknown[0]} is not served by the local AWS (known: {sorted(_KNOWN)})."
        )
    numbers = {name: _number(given, name) for name in _RANGES}
    smallest, largest = numbers["MinHealthyPercentage"], numbers["MaxHealthyPercentage"]
    if largest is not None and smallest is None:
        raise RefusedRequestError(
            "MinHealthyPercentage must be specified when MaxHealthyPercentage is specified."
        )
    if largest is not None and smallest is not None and largest - smallest > 100:
        raise RefusedRequestError(
            "The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100 "
            f"({largest} - {smallest})."
        )
    percentages = _checkpoints(given.get("CheckpointPercentages") or ())
    if numbers["CheckpointDelay"] is not None and not percentages:
        raise RefusedRequestError(
            "CheckpointPercentages must be specified when CheckpointDelay is specified."
        )
    warmup, delay = numbers["InstanceWarmup"], numbers["CheckpointDelay"]
    return Preferences(
        min_healthy_percentage=smallest,
        max_healthy_percentage=largest,
        instance_warmup_seconds=default_warmup_seconds if warmup is None else warmup,
        skip_matching=bool(given.get("SkipMatching", False)),
        auto_rollback=bool(given.get("AutoRollback", False)),
        checkpoint_percentages=percentages,
        checkpoint_delay_seconds=3600 if delay is None else delay,
        bake_time_seconds=numbers["BakeTime"] or 0,
        alarms=_alarms(given.get("AlarmSpecification") or {}),
        protected_instances=_treatment(given, "ScaleInProtectedInstances", _PROTECTED),
        standby_instances=_treatment(given, "StandbyInstances", _STANDBY),
    )


def _number(given: Mapping[str, Any], name: str) -> int | None:
    if given.get(name) is None:
        return None
    value = int(given[name])
    least, most = _RANGES[name]
    if not least <= value <= most:
        raise RefusedRequestError(
            f"Value {value} at 'preferences.{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
            f"Member must have value between {least} and {most}."
        )
    return value


def _checkpoints(values: Sequence[Any]) -> tuple[int, ...]:
    percentages = tuple(int(value) for value in values)
    if any(not 1 <= value <= 100 for value in percentages):
        raise RefusedRequestError(f"CheckpointPercentages must be between 1 and 100 ({list(percentages)}).")
    if any(later <= earlier for earlier, later in itertools.pairwise(percentages)):
        raise RefusedRequestError(
            f"CheckpointPercentages must be unique and in ascending order ({list(percentages)})."
        )
    return percentages


def _alarms(specification: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(str(name) for name in specification.get("Alarms") or ())
    if len(names) > MOST_ALARMS:
        raise RefusedRequestError(f"You can specify up to {MOST_ALARMS} alarms ({len(names)} given).")
    return names


def _treatment(given: Mapping[str, Any], name: str, known: Mapping[str, Treatment]) -> Treatment:
    value = given.get(name) or "Wait"
    if value not in known:
        raise RefusedRequestError(f"{name} must be one of {sorted(known)} ({value}).")
    return known[value]
