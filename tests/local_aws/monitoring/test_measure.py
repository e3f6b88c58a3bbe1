"""The load balancer's metrics, by AWS's names, dimensions and reporting criteria."""

from __future__ import annotations

from collections import Counter

from local_aws.load_balancing import Statistics
from local_aws.monitoring.aggregate import statistic_of
from local_aws.monitoring.measure import Hosts, Measurement, WatchedGroup, measure

NOTHING = Statistics(load_balancers={}, target_groups={})
BALANCER = (("LoadBalancer", "app/web/1"),)
GROUP = (("LoadBalancer", "app/web/1"), ("TargetGroup", "targetgroup/web/2"))


def watched(*hosts: Hosts, arn: str = "arn", name: str = "targetgroup/web/2") -> WatchedGroup:
    return WatchedGroup(arn=arn, target_group=name, load_balancer="app/web/1", hosts=hosts)


def counted(arn: str = "arn", *, good: int = 0, bad: int = 0, milliseconds: dict[int, int]) -> Statistics:
    return Statistics(
        load_balancers={},
        target_groups={arn: {"2xx": good, "5xx": bad}},
        milliseconds={arn: Counter(milliseconds)},
    )


def value(measured: list[Measurement], metric: str, dimensions: object, statistic: str) -> float | None:
    """The statistic of the one metric with exactly these dimensions; None where it was not reported."""
    found = [one for one in measured if one.metric == metric and one.dimensions == dimensions]
    assert len(found) <= 1
    return statistic_of(found[0].samples, statistic) if found else None


UP = Hosts(healthy=2, unhealthy=0, registered=2)


def test_answers_are_counted_since_the_last_time_and_by_class() -> None:
    before = counted(good=100, bad=1, milliseconds={5: 101})
    after = counted(good=103, bad=3, milliseconds={5: 104, 250: 2})

    measured = measure(before, after, [watched(UP)])

    assert value(measured, "HTTPCode_Target_2XX_Count", GROUP, "Sum") == 3
    assert value(measured, "HTTPCode_Target_5XX_Count", GROUP, "Sum") == 2
    assert value(measured, "HTTPCode_Target_5XX_Count", GROUP, "Average") == 1
    assert value(measured, "HTTPCode_Target_4XX_Count", GROUP, "Sum") == 0
    assert value(measured, "RequestCount", GROUP, "Sum") == 5


def test_response_times_are_in_seconds_with_their_percentiles() -> None:
    times = {5: 98, 250: 1, 2000: 1}

    measured = measure(NOTHING, counted(good=100, milliseconds=times), [watched(UP)])

    assert value(measured, "TargetResponseTime", GROUP, "p50") == 0.005
    assert value(measured, "TargetResponseTime", GROUP, "p99") == 0.25
    assert value(measured, "TargetResponseTime", GROUP, "Maximum") == 2
    assert {one.unit for one in measured if one.metric == "TargetResponseTime"} == {"Seconds"}


def test_a_request_that_no_target_answered_is_a_request_without_a_response_time() -> None:
    measured = measure(NOTHING, counted(milliseconds={-1: 3}), [watched(UP)])

    assert value(measured, "RequestCount", GROUP, "Sum") == 3
    assert value(measured, "TargetResponseTime", GROUP, "Maximum") is None


def test_the_hosts_are_the_least_and_the_most_that_were_seen() -> None:
    looks = [
        Hosts(healthy=2, unhealthy=1, registered=3),
        Hosts(healthy=1, unhealthy=2, registered=3),
        Hosts(healthy=2, unhealthy=0, registered=2),
    ]

    measured = measure(NOTHING, NOTHING, [watched(*looks)])

    assert value(measured, "UnHealthyHostCount", GROUP, "Minimum") == 0
    assert value(measured, "UnHealthyHostCount", GROUP, "Maximum") == 2
    assert value(measured, "HealthyHostCount", GROUP, "Average") == 5 / 3
    assert value(measured, "UnHealthyHostCount", BALANCER, "Maximum") is None


def test_without_targets_and_requests_nothing_is_reported() -> None:
    nobody = Hosts(healthy=0, unhealthy=0, registered=0)

    assert measure(NOTHING, NOTHING, [watched(nobody), watched()]) == []


def test_a_load_balancer_has_the_traffic_of_all_its_groups() -> None:
    other = watched(UP, arn="other", name="targetgroup/other/3")
    one, two = counted(bad=2, milliseconds={1: 2}), counted("other", bad=3, milliseconds={3: 3})
    after = Statistics(
        load_balancers={},
        target_groups={**one.target_groups, **two.target_groups},
        milliseconds={**one.milliseconds, **two.milliseconds},
    )

    measured = measure(NOTHING, after, [watched(UP), other])

    assert value(measured, "HTTPCode_Target_5XX_Count", BALANCER, "Sum") == 5
    assert value(measured, "RequestCount", BALANCER, "Sum") == 5
    assert value(measured, "TargetResponseTime", BALANCER, "Maximum") == 0.003
