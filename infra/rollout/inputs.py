"""The inputs of an InstanceRefresh: their names, what they mean, and which of them are refused at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from infra.rollout.preferences import (
    ON_REFRESH_IN_PROGRESS,
    SCALE_IN_PROTECTED_INSTANCES,
    STANDBY_INSTANCES,
    Preferences,
)
from infra.rollout.values import Target

TARGET_INPUTS = ("launch_template_id", "launch_template_version", "ami_id")
IDENTITY_INPUTS = ("region", "auto_scaling_group_name")
NUMBERS = {
    "min_healthy_percentage": (0, 100),
    "max_healthy_percentage": (100, 200),
    "instance_warmup_seconds": (0, 2_147_483_647),
    "checkpoint_delay_seconds": (0, 172_800),
    "bake_time_seconds": (0, 172_800),
}
"""With their bounds (RefreshPreferences, Auto Scaling API reference)."""

WORDS = {
    "standby_instances": STANDBY_INSTANCES,
    "scale_in_protected_instances": SCALE_IN_PROTECTED_INSTANCES,
    "on_refresh_in_progress": ON_REFRESH_IN_PROGRESS,
}
BOOLEANS = ("skip_matching", "auto_rollback")
LISTS = ("checkpoint_percentages", "alarm_names")
PREFERENCE_INPUTS = (*NUMBERS, *BOOLEANS, *LISTS, *WORDS, "timeout_minutes")
MOST_ALARMS = 10
"""AlarmSpecification, Auto Scaling API reference."""


def find_refusals(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each input that cannot be used, with why in a line; those that are not known yet are not judged."""
    refusals = [*_refuse_version(inputs), *_refuse_timeout(inputs)]
    for name, (least, most) in NUMBERS.items():
        value = inputs.get(name)
        if is_known(value) and value is not None and not _is_whole_number(value, least, most):
            refusals.append(_refusal(name, value, f"a whole number from {least} to {most}"))
    for name in BOOLEANS:
        value = inputs.get(name)
        if is_known(value) and not isinstance(value, bool | None):
            refusals.append(_refusal(name, value, "true or false"))
    for name, words in WORDS.items():
        value = inputs.get(name)
        if is_known(value) and value not in (None, *words):
            refusals.append(_refusal(name, value, ", ".join(words[:-1]) + f" or {words[-1]}"))
    refusals += _refuse_lists(inputs)
    # Only numbers that hold by themselves are held against each other.
    return refusals or find_contradictions(inputs)


def _refuse_version(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    version = inputs.get("launch_template_version")
    if not isinstance(version, str) or version.isdigit():
        return []
    expected = "a version's number, as AWS does not roll back from $Latest or $Default"
    return [_refusal("launch_template_version", version, expected, "pass the template's latest_version")]


def _refuse_timeout(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    timeout = inputs.get("timeout_minutes")
    if not is_known(timeout) or (_is_number(timeout) and timeout > 0):
        return []
    return [_refusal("timeout_minutes", timeout, "a number of minutes above 0")]


def _refuse_lists(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    refusals = []
    percentages = inputs.get("checkpoint_percentages")
    if is_known(percentages) and percentages is not None and not _is_ascending(percentages):
        refusals.append(
            _refusal("checkpoint_percentages", percentages, "ascending whole numbers from 1 to 100")
        )
    names = inputs.get("alarm_names")
    if is_known(names) and names is not None and not _is_list_of_names(names):
        refusals.append(_refusal("alarm_names", names, f"a list of up to {MOST_ALARMS} names of alarms"))
    return refusals


def find_contradictions(inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Inputs that are well by themselves and cannot hold together."""
    known = {name: value for name, value in inputs.items() if is_known(value)}
    preferences = to_preferences(known)
    refusals = []
    least, most = preferences.min_healthy_percentage, preferences.max_healthy_percentage
    if most is not None and least is None and "min_healthy_percentage" not in _unknown(inputs):
        refusals.append(
            _refusal(
                "max_healthy_percentage", most, "none without a min_healthy_percentage", "set both or neither"
            )
        )
    if most is not None and least is not None and most - least > 100:
        expected = f"at most 100 more than min_healthy_percentage, {least}"
        refusals.append(_refusal("max_healthy_percentage", most, expected))
    percentages = preferences.checkpoint_percentages
    if percentages and percentages[-1] != 100:
        refusals.append(
            _refusal(
                "checkpoint_percentages",
                list(percentages),
                "100 as the last one, as AWS ends a refresh at its last checkpoint",
                "append 100",
            )
        )
    delay = preferences.checkpoint_delay_seconds
    if delay is not None and not percentages and "checkpoint_percentages" not in _unknown(inputs):
        refusals.append(
            _refusal(
                "checkpoint_delay_seconds",
                delay,
                "none without checkpoint_percentages",
                "set these too, or unset it",
            )
        )
    timeout = known.get("timeout_minutes")
    is_length_known = not _unknown(inputs) & {*NUMBERS, *LISTS}
    if timeout is not None and is_length_known and 60 * timeout <= preferences.shortest_seconds:
        expected = (
            f"more than {-(-preferences.shortest_seconds // 60)} minutes, which the pauses at checkpoints, "
            "the bake time and one warm-up take by themselves"
        )
        refusals.append(_refusal("timeout_minutes", timeout, expected, "raise it or shorten these"))
    return refusals


def to_preferences(inputs: Mapping[str, Any]) -> Preferences:
    """The preferences that *inputs* describe; Pulumi hands numbers over as floats."""
    numbers: dict[str, Any] = {
        name: None if inputs.get(name) is None else int(inputs[name]) for name in NUMBERS
    }
    return Preferences(
        **numbers,
        skip_matching=inputs.get("skip_matching"),
        auto_rollback=inputs.get("auto_rollback"),
        checkpoint_percentages=tuple(int(value) for value in inputs.get("checkpoint_percentages") or ()),
        alarm_names=tuple(inputs.get("alarm_names") or ()),
        standby_instances=inputs.get("standby_instances"),
        scale_in_protected_instances=inputs.get("scale_in_protected_instances"),
    )


def to_target(inputs: Mapping[str, Any]) -> Target:
    """The target that *inputs* describe."""
    return Target(**{name: str(inputs[name]) for name in TARGET_INPUTS})


def find_changed(olds: Mapping[str, Any], news: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Those of *names* that are not the same; an empty list is none."""
    return [name for name in names if _comparable(olds.get(name)) != _comparable(news.get(name))]


def is_known(value: object) -> bool:
    """Whether a value is there already: before its resource exists it is a placeholder of Pulumi's."""
    if isinstance(value, list | tuple):
        return all(is_known(item) for item in value)
    return isinstance(value, str | bool | int | float | None)


def _comparable(value: Any) -> Any:
    return (tuple(value) or None) if isinstance(value, list | tuple) else value


def _unknown(inputs: Mapping[str, Any]) -> set[str]:
    return {name for name, value in inputs.items() if not is_known(value)}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole_number(value: Any, least: int, most: int) -> bool:
    return _is_number(value) and value == int(value) and least <= value <= most


def _is_ascending(values: Any) -> bool:
    return (
        isinstance(values, list | tuple)
        and all(_is_whole_number(value, 1, 100) for value in values)
        and all(earlier < later for earlier, later in itertools.pairwise(values))
    )


def _is_list_of_names(values: Any) -> bool:
    return (
        isinstance(values, list | tuple)
        and len(values) <= MOST_ALARMS
        and all(isinstance(value, str) and value for value in values)
    )


def _refusal(name: str, value: object, expected: str, remedy: str = "") -> tuple[str, str]:
    shown = int(value) if isinstance(value, float) and value.is_integer() else value
    return name, f"{name} is {shown!r} · {expected} was expected · {remedy or f'set another {name}'}"
