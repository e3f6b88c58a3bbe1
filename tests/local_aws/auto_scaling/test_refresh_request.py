"""Preferences of StartInstanceRefresh: what is taken, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.auto_scaling.refresh import Preferences, Treatment
from local_aws.auto_scaling.refresh_request import RefusedRequestError, read_preferences


def test_defaults_are_those_of_the_api() -> None:
    assert read_preferences({}, default_warmup_seconds=7) == Preferences(
        min_healthy_percentage=None,
        max_healthy_percentage=None,
        instance_warmup_seconds=7,
        skip_matching=False,
        auto_rollback=False,
        checkpoint_delay_seconds=3600,
        protected_instances=Treatment.WAIT,
        standby_instances=Treatment.WAIT,
    )


def test_a_warm_up_of_zero_is_not_the_default() -> None:
    assert read_preferences({"InstanceWarmup": 0}, default_warmup_seconds=7).instance_warmup_seconds == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"MinHealthyPercentage": 101}, "between 0 and 100"),
        ({"MinHealthyPercentage": 90, "MaxHealthyPercentage": 99}, "between 100 and 200"),
        ({"MaxHealthyPercentage": 110}, "MinHealthyPercentage must be specified"),
        ({"MinHealthyPercentage": 50, "MaxHealthyPercentage": 151}, "cannot be greater than 100"),
        ({"CheckpointDelay": 60}, "CheckpointPercentages must be specified"),
        ({"CheckpointDelay": 172801, "CheckpointPercentages": [100]}, "between 0 and 172800"),
        ({"CheckpointPercentages": [50, 20]}, "unique and in ascending order"),
        ({"CheckpointPercentages": [50, 50]}, "unique and in ascending order"),
        ({"CheckpointPercentages": [0]}, "between 1 and 100"),
        ({"BakeTime": -1}, "between 0 and 172800"),
        ({"BakeTime": 172801}, "between 0 and 172800"),
        ({"AlarmSpecification": {"Alarms": [str(number) for number in range(11)]}}, "up to 10 alarms"),
        ({"ScaleInProtectedInstances": "Terminate"}, "must be one of"),
        ({"StandbyInstances": "Refresh"}, "must be one of"),
        ({"MinHealthyPercent": 50}, "MinHealthyPercent is not served"),
    ],
)
def test_refuses_what_the_api_reference_rules_out(given: dict[str, Any], told: str) -> None:
    with pytest.raises(RefusedRequestError, match=told):
        read_preferences(given, default_warmup_seconds=0)
