"""Which inputs of a rollout are refused before anything happens, and how the others are read."""

from __future__ import annotations

from typing import Any

import pytest

from infra.rollout.inputs import find_refusals, to_preferences

INPUTS: dict[str, Any] = {
    "launch_template_version": "2",
    # As Pulumi hands numbers over.
    "min_healthy_percentage": 100.0,
    "max_healthy_percentage": 150.0,
    "instance_warmup_seconds": 60.0,
    "checkpoint_percentages": [20.0, 50.0, 100.0],
    "checkpoint_delay_seconds": 300.0,
    "bake_time_seconds": 600.0,
    "alarm_names": ["web-5xx"],
    "skip_matching": True,
    "auto_rollback": True,
    "standby_instances": "Wait",
    "scale_in_protected_instances": "Refresh",
    "on_refresh_in_progress": "cancel",
    "timeout_minutes": 60.0,
}


def refusals_with(**changes: Any) -> dict[str, str]:
    """Why inputs with these changes are refused, by input; None removes one."""
    changed = {name: value for name, value in {**INPUTS, **changes}.items() if value is not None}
    return dict(find_refusals(changed))


def test_inputs_that_are_well_are_read_as_what_aws_takes() -> None:
    assert refusals_with() == {}
    request = to_preferences(INPUTS).to_request()
    assert request == {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 150,
        "InstanceWarmup": 60,
        "CheckpointPercentages": [20, 50, 100],
        "CheckpointDelay": 300,
        "BakeTime": 600,
        "AlarmSpecification": {"Alarms": ["web-5xx"]},
        "SkipMatching": True,
        "AutoRollback": True,
        "StandbyInstances": "Wait",
        "ScaleInProtectedInstances": "Refresh",
    }
    assert type(request["InstanceWarmup"]) is int


def test_what_is_unset_is_left_out_of_the_request() -> None:
    unset = {"launch_template_version": "2", "timeout_minutes": 60.0, "checkpoint_percentages": []}

    assert find_refusals(unset) == []
    assert to_preferences(unset).to_request() == {}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("min_healthy_percentage", 101.0, "a whole number from 0 to 100"),
        ("min_healthy_percentage", 99.5, "a whole number from 0 to 100"),
        ("min_healthy_percentage", "100", "a whole number from 0 to 100"),
        ("min_healthy_percentage", True, "a whole number from 0 to 100"),
        ("max_healthy_percentage", 99.0, "a whole number from 100 to 200"),
        ("bake_time_seconds", 172_801.0, "a whole number from 0 to 172800"),
        ("checkpoint_delay_seconds", -1.0, "a whole number from 0 to 172800"),
        ("checkpoint_percentages", [50.0, 20.0, 100.0], "ascending whole numbers from 1 to 100"),
        ("checkpoint_percentages", [50.0, 50.0, 100.0], "ascending whole numbers from 1 to 100"),
        ("checkpoint_percentages", [0.0, 100.0], "ascending whole numbers from 1 to 100"),
        ("checkpoint_percentages", [50.0, 101.0], "ascending whole numbers from 1 to 100"),
        ("checkpoint_percentages", 50.0, "ascending whole numbers from 1 to 100"),
        ("checkpoint_percentages", [20.0, 50.0], "100 as the last one"),
        ("alarm_names", ["a"] * 11, "a list of up to 10 names"),
        ("alarm_names", [""], "a list of up to 10 names"),
        ("skip_matching", "true", "true or false"),
        ("standby_instances", "wait", "Wait, Ignore or Terminate"),
        ("scale_in_protected_instances", "Terminate", "Wait, Ignore or Refresh"),
        ("on_refresh_in_progress", "Wait", "wait, cancel or fail"),
        ("timeout_minutes", 0.0, "a number of minutes above 0"),
        ("launch_template_version", "$Latest", "a version's number"),
    ],
)
def test_a_wrong_input_is_refused_by_its_name_in_one_line(name: str, value: Any, expected: str) -> None:
    refused = refusals_with(**{name: value})

    assert list(refused) == [name]
    assert refused[name].startswith(f"{name} is ")
    assert refused[name].count(" · ") == 2
    assert expected in refused[name]


def test_numbers_that_cannot_hold_together_are_refused() -> None:
    assert list(refusals_with(min_healthy_percentage=40.0)) == ["max_healthy_percentage"]
    assert list(refusals_with(min_healthy_percentage=None)) == ["max_healthy_percentage"]
    assert list(refusals_with(checkpoint_percentages=None)) == ["checkpoint_delay_seconds"]


def test_a_deadline_that_the_pauses_outlast_is_refused_with_the_one_that_is_enough() -> None:
    # Two pauses of 300, 600 of bake time, 60 of warm-up: 21 minutes.
    assert "more than 21 minutes" in refusals_with(timeout_minutes=21.0)["timeout_minutes"]
    assert refusals_with(timeout_minutes=21.1) == {}


def test_a_pause_that_is_left_to_aws_counts_for_an_hour() -> None:
    assert "more than 131 minutes" in refusals_with(checkpoint_delay_seconds=None)["timeout_minutes"]


def test_all_wrong_inputs_are_told_at_once() -> None:
    refused = refusals_with(bake_time_seconds=-1.0, standby_instances="x", timeout_minutes=0.0)

    assert set(refused) == {"bake_time_seconds", "standby_instances", "timeout_minutes"}


@pytest.mark.parametrize("name", INPUTS)
def test_what_is_not_known_yet_is_not_judged(name: str) -> None:
    assert refusals_with(**{name: object()}) == {}


def test_a_list_with_an_unknown_name_is_not_judged() -> None:
    assert refusals_with(alarm_names=["web-5xx", object()]) == {}
