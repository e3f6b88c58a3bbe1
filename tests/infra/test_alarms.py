"""What rings, after how long, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.alarms import Alarms, AlarmsArgs, count_what_no_rollout_explains
from tests.infra import mocked

ARGS = AlarmsArgs(
    load_balancer_arn_suffix="app/web/1",
    target_group_arn_suffix="targetgroup/web/2",
    target_5xx_count=10,
    unhealthy_hosts_count=2,
    health_check_grace_period_seconds=120,
    p99_latency_milliseconds=None,
    tags={"Project": "immutable-machines", "Stack": "dev"},
)


def create(args: AlarmsArgs, name: str = "web-dev") -> tuple[mocked.RecordingMocks, list[str]]:
    """Create them on mocks and return their names."""

    def program() -> pulumi.Output[Any]:
        return Alarms(name, args).names

    return mocked.run(program)


def alarm_on(mocks: mocked.RecordingMocks, metric: str) -> dict[str, Any]:
    """The inputs of the one alarm on a metric."""
    (alarm,) = [one.inputs for one in mocks.all_of(":MetricAlarm") if one.inputs["metricName"] == metric]
    return dict(alarm)


def test_the_names_are_those_that_aws_knows_them_by() -> None:
    _, names = create(ARGS)

    assert names == ["web-dev-target-5xx-1234567", "web-dev-unhealthy-hosts-1234567"]


def test_one_minute_of_answers_with_5xx_is_enough() -> None:
    mocks, _ = create(ARGS)

    alarm = alarm_on(mocks, "HTTPCode_Target_5XX_Count")
    assert (alarm["statistic"], alarm["period"], alarm["evaluationPeriods"]) == ("Sum", 60, 1)
    assert alarm["threshold"] == 10


@pytest.mark.parametrize(
    ("grace_period_seconds", "minutes"), [(0, 3), (20, 3), (120, 3), (121, 4), (180, 4), (600, 11)]
)
def test_a_machine_that_starts_or_is_replaced_does_not_ring(grace_period_seconds: int, minutes: int) -> None:
    mocks, _ = create(replace(ARGS, health_check_grace_period_seconds=grace_period_seconds))

    alarm = alarm_on(mocks, "UnHealthyHostCount")
    assert (alarm["statistic"], alarm["period"], alarm["evaluationPeriods"]) == ("Minimum", 60, minutes)
    assert "datapointsToAlarm" not in alarm  # every one of them
    assert alarm["threshold"] == 2


def test_latency_is_watched_where_asked_for_in_the_seconds_of_the_metric() -> None:
    mocks, names = create(replace(ARGS, p99_latency_milliseconds=250))

    alarm = alarm_on(mocks, "TargetResponseTime")
    assert (alarm["extendedStatistic"], alarm["period"], alarm["evaluationPeriods"]) == ("p99", 60, 3)
    assert "statistic" not in alarm
    assert alarm["threshold"] == 0.25
    assert len(names) == 3


def test_every_alarm_watches_this_target_group_and_is_ok_without_requests() -> None:
    mocks, _ = create(replace(ARGS, p99_latency_milliseconds=250))

    for alarm in mocks.all_of(":MetricAlarm"):
        assert alarm.inputs["namespace"] == "AWS/ApplicationELB"
        assert alarm.inputs["dimensions"] == {"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/web/2"}
        assert alarm.inputs["treatMissingData"] == "notBreaching"
        assert alarm.inputs["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm.inputs["tags"] == {**ARGS.tags, "Name": "web-dev"}


def test_a_long_stack_name_leaves_room_in_the_255_characters_that_aws_allows() -> None:
    mocks, _ = create(ARGS, "web-app-" + "x" * 300)

    alarms = mocks.all_of(":MetricAlarm")
    assert len({alarm.name for alarm in alarms}) == len(alarms)
    for alarm in alarms:
        assert len(alarm.name) <= 247
        assert "name" not in alarm.inputs


@pytest.mark.parametrize(
    ("desired_capacity", "max_healthy_percentage", "count"),
    [(0, 150, 1), (1, 200, 1), (2, 150, 2), (3, 134, 2), (3, 100, 1), (10, 150, 6), (10, 110, 2)],
)
def test_as_many_ring_as_no_rollout_starts_at_a_time(
    desired_capacity: int, max_healthy_percentage: int, count: int
) -> None:
    assert count_what_no_rollout_explains(desired_capacity, max_healthy_percentage) == count
