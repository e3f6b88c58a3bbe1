"""What AWS does with a group of some size under some percentages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.rollout.plan import describe_plan, find_warnings, plan_batches
from infra.rollout.preferences import Preferences


@pytest.mark.parametrize(
    ("instances", "least", "most", "words"),
    [
        (2, 100, 150, "2 instances, one extra at a time, never fewer than 2"),
        (3, 100, 134, "3 instances, one extra at a time, never fewer than 3"),
        (1, 100, 200, "1 instance, one extra at a time, never fewer than 1"),
        (
            10,
            90,
            120,
            "10 instances, up to 2 extra at a time or one terminated first, never fewer than 9",
        ),
        (10, 80, 100, "10 instances, up to 2 terminated first, never fewer than 8"),
        (10, None, None, "10 instances, one terminated first, never fewer than 9"),
        (2, None, None, "2 instances, one terminated first, never fewer than 1"),
        (1, 0, 100, "1 instance, one terminated first, never fewer than 0"),
        (0, 100, 150, "no instances, so none is replaced"),
    ],
)
def test_says_in_words_what_will_happen(
    instances: int, least: int | None, most: int | None, words: str
) -> None:
    assert str(plan_batches(instances, least, most)) == words


@pytest.mark.parametrize(
    ("instances", "least", "most"), [(1, 100, 150), (3, 100, 133), (5, 100, 100), (2, 90, 100)]
)
def test_says_where_aws_goes_beyond_a_maximum_that_leaves_no_room(
    instances: int, least: int, most: int
) -> None:
    plan = plan_batches(instances, least, most)

    assert (plan.extra, plan.fewest, plan.exceeds_maximum) == (1, instances, True)
    assert "beyond the maximum healthy percentage" in str(plan)


def test_a_minimum_of_100_launches_first_also_without_a_maximum() -> None:
    plan = plan_batches(4, 100, None)

    assert (plan.extra, plan.fewest) == (1, 4)


@given(
    instances=st.integers(1, 5000),
    least=st.integers(0, 100),
    span=st.integers(0, 100),
)
def test_something_can_always_be_replaced_and_the_minimum_always_holds(
    instances: int, least: int, span: int
) -> None:
    most = max(100, least + span)

    plan = plan_batches(instances, least, most)

    assert plan.extra > 0 or plan.fewest < instances
    assert 100 * plan.fewest >= least * instances
    assert plan.exceeds_maximum or 100 * (instances + plan.extra) <= most * instances


def test_the_plan_has_the_pauses_the_bake_time_and_the_alarms_in_the_same_line() -> None:
    preferences = Preferences(
        min_healthy_percentage=100,
        max_healthy_percentage=134,
        checkpoint_percentages=(33, 34, 100),
        checkpoint_delay_seconds=300,
        bake_time_seconds=600,
        alarm_names=("web-5xx", "web-unhealthy"),
    )

    assert describe_plan(3, preferences) == (
        "3 instances, one extra at a time, never fewer than 3; pauses 300 s at 33 % (1 of them new) and 34 % "
        "(2 of them new); bakes 600 s; watches web-5xx, web-unhealthy"
    )


@pytest.mark.parametrize(
    ("instances", "least", "most", "words"),
    [
        (
            2,
            50,
            100,
            "1 of 2 may be terminated before its replacement serves; .* 100 with .* 150 launches first",
        ),
        (3, None, None, "1 of 3 may be terminated before its replacement serves; .* 134 launches first"),
        (2, 50, 150, "1 of 2 may be terminated before its replacement serves; .* 150 launches first"),
        (10, 90, 120, "1 of 10 may be terminated before its replacement serves; .* 120 launches first"),
        (3, 60, 134, "1 of 3 may be terminated before its replacement serves; .* 134 launches first"),
        (10, 50, 102, "5 of 10 may be terminated before its replacement serves; .* 110 launches first"),
        (1, 100, 150, "no extra machine fits in maxHealthyPercentage 150, so AWS exceeds it; 200 says so"),
    ],
)
def test_warns_where_a_machine_goes_first_or_no_extra_one_fits(
    instances: int, least: int | None, most: int | None, words: str
) -> None:
    preferences = Preferences(min_healthy_percentage=least, max_healthy_percentage=most)

    (warning,) = find_warnings(instances, preferences)

    assert re.search(words, warning)


@pytest.mark.parametrize(("instances", "most"), [(1, 200), (2, 150), (3, 134), (0, 100)])
def test_does_not_warn_where_one_is_launched_first(instances: int, most: int) -> None:
    assert not find_warnings(instances, Preferences(min_healthy_percentage=100, max_healthy_percentage=most))
