"""Alarms over the API: from the load balancer's counters to the state of an alarm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.home import LocalAwsError
from local_aws.monitoring import read_minute_seconds
from local_aws.monitoring.part import Monitoring
from tests.local_aws.monitoring.conftest import BEGAN, MINUTE, World
from tests.support.local_aws import wait_until

STARTED = datetime.fromtimestamp(BEGAN, UTC)


def refusal_of(world: World, **changes: Any) -> str:
    """What AWS answers to an alarm with these changes."""
    with pytest.raises(ClientError) as refused:
        world.put_alarm(**changes)
    return str(refused.value)


def test_a_new_alarm_has_insufficient_data_until_it_is_evaluated(world: World) -> None:
    world.put_alarm()

    assert world.state() == "INSUFFICIENT_DATA"
    assert world.alarm()["StateReason"] == "Unchecked: Initial alarm creation"
    world.pass_minutes()
    assert world.state() == "OK"
    assert "1 missing datapoint was treated as [NonBreaching]" in world.alarm()["StateReason"]


def test_answers_with_5xx_ring_within_a_minute_and_their_end_within_another(world: World) -> None:
    world.targets("healthy")
    world.put_alarm()
    world.pass_minutes()

    world.answers(_5xx=12, _2xx=100, milliseconds={3: 112})
    world.pass_minutes()

    assert world.state() == "ALARM"
    assert "[12.0 (" in world.alarm()["StateReason"]
    assert "was greater than or equal to the threshold (10.0)" in world.alarm()["StateReason"]
    world.pass_minutes()
    assert world.state() == "OK"


def test_machines_ring_only_when_so_many_stay_unhealthy(world: World) -> None:
    world.put_alarm(MetricName="UnHealthyHostCount", Statistic="Minimum", Threshold=2, EvaluationPeriods=3)
    world.targets("healthy", "unhealthy", "unhealthy")
    world.pass_minutes(2)
    world.targets("healthy", "healthy", "unhealthy")
    world.pass_minutes()
    assert world.state() == "OK"

    world.targets("healthy", "unhealthy", "unhealthy", "initial")
    world.pass_minutes(2)
    assert world.state() == "OK"
    world.pass_minutes()
    assert world.state() == "ALARM"


def test_latency_rings_by_its_percentile(world: World) -> None:
    world.targets("healthy")
    world.put_alarm(MetricName="TargetResponseTime", Statistic=None, ExtendedStatistic="p99", Threshold=0.5)
    world.answers(_2xx=1000, milliseconds={20: 991, 3000: 9})
    world.pass_minutes()
    assert world.state() == "OK"

    world.answers(_2xx=1000, milliseconds={20: 980, 3000: 20})
    world.pass_minutes()
    assert world.state() == "ALARM"


def test_a_percentile_of_too_few_requests_changes_nothing_where_that_is_asked_for(world: World) -> None:
    world.targets("healthy")
    world.put_alarm(
        MetricName="TargetResponseTime",
        Statistic=None,
        ExtendedStatistic="p99",
        Threshold=0.5,
        EvaluateLowSampleCountPercentile="ignore",
    )
    world.pass_minutes()
    world.answers(_2xx=3, milliseconds={3000: 3})
    world.pass_minutes()

    assert world.state() == "OK"


def test_an_updated_alarm_keeps_its_state(world: World) -> None:
    world.put_alarm()
    world.pass_minutes()

    world.put_alarm(Threshold=20)

    assert (world.state(), world.alarm()["Threshold"]) == ("OK", 20)


def test_a_state_set_by_hand_lasts_until_the_next_evaluation(world: World) -> None:
    world.put_alarm()
    world.pass_minutes()

    world.cloudwatch.set_alarm_state(AlarmName="alarm", StateValue="ALARM", StateReason="a drill")

    assert (world.state(), world.alarm()["StateReason"]) == ("ALARM", "a drill")
    world.pass_minutes()
    assert world.state() == "OK"


def test_metrics_that_a_user_puts_are_evaluated_too(world: World) -> None:
    world.put_alarm(Namespace="Shop", MetricName="Orders", Dimensions=[], Threshold=3)
    world.cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[{"MetricName": "Orders", "Value": 4, "Timestamp": STARTED + timedelta(seconds=1)}],
    )

    world.pass_minutes()

    assert world.state() == "ALARM"


def test_the_last_data_points_count_for_two_more_periods_while_newer_ones_are_missing(world: World) -> None:
    world.put_alarm(Namespace="Shop", MetricName="Orders", Dimensions=[], TreatMissingData="breaching")
    world.cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[{"MetricName": "Orders", "Value": 1, "Timestamp": STARTED + timedelta(seconds=1)}],
    )
    states = []
    for _ in range(4):
        world.pass_minutes()
        states.append(world.state())

    assert states == ["OK", "OK", "OK", "ALARM"]


def test_the_history_has_each_change_with_the_states_and_reasons(world: World) -> None:
    world.targets("healthy")
    world.put_alarm()
    world.pass_minutes()
    world.answers(_5xx=10)
    world.pass_minutes()

    items = world.cloudwatch.describe_alarm_history(AlarmName="alarm")["AlarmHistoryItems"]

    assert [item["HistorySummary"] for item in items] == [
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
        'Alarm "alarm" created',
    ]
    data = json.loads(items[0]["HistoryData"])
    assert (data["oldState"]["stateValue"], data["newState"]["stateValue"]) == ("OK", "ALARM")
    assert data["newState"]["stateReason"].startswith(
        "Threshold Crossed: 1 out of the last 1 datapoints [10.0"
    )
    assert data["newState"]["stateReasonData"]["recentDatapoints"] == [10.0]
    updates = world.cloudwatch.describe_alarm_history(
        HistoryItemType="StateUpdate", ScanBy="TimestampAscending", MaxRecords=1
    )
    assert [item["HistorySummary"] for item in updates["AlarmHistoryItems"]] == [
        "Alarm updated from INSUFFICIENT_DATA to OK"
    ]
    assert updates["NextToken"]


def test_a_deleted_alarm_is_gone_and_deleting_it_again_is_no_error(world: World) -> None:
    world.put_alarm()

    world.cloudwatch.delete_alarms(AlarmNames=["alarm"])
    world.cloudwatch.delete_alarms(AlarmNames=["alarm"])

    assert world.cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"] == []


def test_metrics_are_answered_with_their_statistics_by_exactly_their_dimensions(world: World) -> None:
    world.targets("healthy", "unhealthy")
    world.answers(_5xx=2, _2xx=98, milliseconds={20: 99, 3000: 1})
    world.pass_minutes()
    asked = {
        "Namespace": "AWS/ApplicationELB",
        "StartTime": STARTED,
        "EndTime": STARTED + timedelta(seconds=60),
        "Period": 60,
    }

    def statistics(metric: str, dimensions: list[dict[str, str]], **what: list[str]) -> dict[str, Any]:
        answer = world.cloudwatch.get_metric_statistics(
            MetricName=metric, Dimensions=dimensions, **asked, **what
        )
        (point,) = answer["Datapoints"]
        return dict(point)

    assert statistics("HTTPCode_Target_5XX_Count", world.dimensions, Statistics=["Sum"])["Sum"] == 2
    assert statistics("RequestCount", world.dimensions[:1], Statistics=["Sum"])["Sum"] == 100
    assert statistics("UnHealthyHostCount", world.dimensions, Statistics=["Maximum"])["Maximum"] == 1
    times = statistics("TargetResponseTime", world.dimensions, ExtendedStatistics=["p99", "p100"])
    assert times["ExtendedStatistics"] == {"p99": 0.02, "p100": 3.0}
    assert times["Unit"] == "Seconds"


def test_metric_data_is_answered_with_percentiles(world: World) -> None:
    world.targets("healthy")
    world.answers(_2xx=100, milliseconds={20: 98, 3000: 2})
    world.pass_minutes()

    answer = world.cloudwatch.get_metric_data(
        StartTime=STARTED,
        EndTime=STARTED + timedelta(seconds=MINUTE),
        MetricDataQueries=[
            {
                "Id": "slow",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/ApplicationELB",
                        "MetricName": "TargetResponseTime",
                        "Dimensions": world.dimensions,
                    },
                    "Period": 60,
                    "Stat": "p99",
                },
            }
        ],
    )

    assert answer["MetricDataResults"][0]["Values"] == [3.0]


def test_no_percentile_of_a_users_statistic_set_is_made_up(world: World) -> None:
    values = {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}
    world.cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[{"MetricName": "Orders", "StatisticValues": values, "Timestamp": STARTED}],
    )

    def values_of(statistic: str) -> list[float]:
        metric = {"Namespace": "Shop", "MetricName": "Orders"}
        answer = world.cloudwatch.get_metric_data(
            StartTime=STARTED,
            EndTime=STARTED + timedelta(seconds=60),
            MetricDataQueries=[
                {"Id": "one", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
            ],
        )
        return list(answer["MetricDataResults"][0]["Values"])

    assert values_of("Maximum") == [2.0]
    assert values_of("p99") == []


def test_published_metrics_are_forgotten_after_some_hours_and_a_users_own_are_kept(world: World) -> None:
    world.targets("healthy")
    world.pass_minutes()
    world.cloudwatch.put_metric_data(
        Namespace="Shop", MetricData=[{"MetricName": "Orders", "Value": 4, "Timestamp": STARTED}]
    )
    world.targets()
    world.now += 4 * 3600
    world.monitoring.look()

    names = {one["MetricName"] for one in world.cloudwatch.list_metrics()["Metrics"]}
    assert names == {"Orders"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Statistic": None, "ExtendedStatistic": "tm99"}, "ExtendedStatistic is not supported"),
        ({"Period": 45}, "Period must be"),
        ({"EvaluationPeriods": 0}, "EvaluationPeriods must be at least 1"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be from 1 to EvaluationPeriods"),
        ({"TreatMissingData": "whatever"}, "whatever is not supported for parameter TreatMissingData"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ComparisonOperator must be one of"),
        ({"MetricName": None}, "MetricName and Namespace are required"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(world: World, changes: dict[str, Any], words: str) -> None:
    assert words in refusal_of(world, **changes)


def test_metric_math_is_refused_by_its_name(world: World) -> None:
    with pytest.raises(ClientError, match=r"metric math.*the local AWS does not serve it"):
        world.cloudwatch.put_metric_alarm(
            AlarmName="alarm",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Threshold=1,
            Metrics=[{"Id": "m1", "Expression": "1 + 1", "ReturnData": True}],
        )


def test_the_thread_measures_by_itself_and_ends(world: World) -> None:
    world.put_alarm()
    monitoring = Monitoring(minute_seconds=0.2)
    monitoring.start()
    try:
        wait_until(lambda: world.state() == "OK", "the alarm is evaluated")
    finally:
        monitoring.stop()


@pytest.mark.parametrize("text", ["soon", "0", "61", "-1"])
def test_a_wrong_length_of_a_minute_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(
        LocalAwsError, match=r"LOCAL_AWS_METRIC_SECONDS is .* 0.1 to 60 seconds were expected"
    ):
        read_minute_seconds({"LOCAL_AWS_METRIC_SECONDS": text})


def test_a_minute_lasts_ten_seconds_unless_asked_otherwise() -> None:
    assert read_minute_seconds({}) == 10
    assert read_minute_seconds({"LOCAL_AWS_METRIC_SECONDS": "2.5"}) == 2.5
