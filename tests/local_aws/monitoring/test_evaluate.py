"""The states of alarms, by AWS's own examples: CloudWatch user guide, "How alarm state is evaluated when data
is missing" and "Avoiding premature transitions to alarm state".

0 is a data point that does not breach, X one that does, - a missing one; the newest is on the right.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.monitoring.evaluate import evaluate
from local_aws.monitoring.values import COMPARISONS, Datapoint, MissingData, Rule, State

MISSING, IGNORE, BREACHING, NOT_BREACHING = (
    MissingData.MISSING,
    MissingData.IGNORE,
    MissingData.BREACHING,
    MissingData.NOT_BREACHING,
)
RETAIN = "Retain current state"
THREE_OF_THREE = [
    # data points, missing, ignore, breaching, not breaching
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("- - - - 0", "OK", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK", "OK"),
    ("- - - - -", "INSUFFICIENT_DATA", RETAIN, "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", RETAIN, "ALARM", "OK"),
    ("X - - - -", "ALARM", RETAIN, "ALARM", "OK"),
    ("- - - - X", "INSUFFICIENT_DATA", RETAIN, "ALARM", "OK"),
    ("- - - X -", "INSUFFICIENT_DATA", RETAIN, "ALARM", "OK"),
    ("- - - X 0", "OK", "OK", "OK", "OK"),
    ("- - X - 0", "OK", "OK", "OK", "OK"),
]
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", RETAIN, "ALARM", "OK"),
    ("- - - - X", "INSUFFICIENT_DATA", RETAIN, "ALARM", "OK"),
]
CASES = [
    (datapoints_to_alarm, pattern, treatment, state)
    for datapoints_to_alarm, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for pattern, *states in table
    for treatment, state in zip((MISSING, IGNORE, BREACHING, NOT_BREACHING), states, strict=True)
]


def rule(
    datapoints_to_alarm: int = 3, missing_data: MissingData = MISSING, *, periods: int = 3, fewest: float = 0
) -> Rule:
    """An alarm that rings at 10 or more."""
    return Rule(
        comparison="GreaterThanOrEqualToThreshold",
        threshold=10,
        evaluation_periods=periods,
        datapoints_to_alarm=datapoints_to_alarm,
        missing_data=missing_data,
        fewest_samples=fewest,
    )


def datapoints(pattern: str, samples: float = 1) -> list[Datapoint | None]:
    """The data points of a row of AWS's tables."""
    values = {"0": 1.0, "X": 11.0}
    return [
        None if mark == "-" else Datapoint(timestamp=60.0 * index, value=values[mark], samples=samples)
        for index, mark in enumerate(pattern.split())
    ]


@pytest.mark.parametrize("current", list(State))
@pytest.mark.parametrize(("datapoints_to_alarm", "pattern", "treatment", "state"), CASES)
def test_missing_data_counts_as_aws_documents_it(
    datapoints_to_alarm: int, pattern: str, treatment: MissingData, state: str, current: State
) -> None:
    verdict = evaluate(rule(datapoints_to_alarm, treatment), datapoints(pattern), current)

    assert verdict.state == (current if state == RETAIN else state)


@pytest.mark.parametrize(
    ("pattern", "to_fill"),
    [("0 - X - X", 0), ("- - - - 0", 2), ("- - - - -", 3), ("0 X X - X", 0), ("- - X - -", 2)],
)
def test_missing_data_points_are_used_as_few_times_as_possible(pattern: str, to_fill: int) -> None:
    assert evaluate(rule(3, BREACHING), datapoints(pattern), State.OK).filled == to_fill


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("GreaterThanOrEqualToThreshold", False, True, True),
        ("GreaterThanThreshold", False, False, True),
        ("LessThanThreshold", True, False, False),
        ("LessThanOrEqualToThreshold", True, True, False),
    ],
)
def test_each_comparison_breaches_where_its_name_says(
    comparison: str, below: bool, at: bool, above: bool
) -> None:
    compared = Rule(comparison=comparison, threshold=10, evaluation_periods=1, datapoints_to_alarm=1)

    assert [compared.is_breached_by(value) for value in (9.9, 10, 10.1)] == [below, at, above]


def test_one_minute_is_enough_where_one_is_asked_for() -> None:
    one_of_one = rule(1, NOT_BREACHING, periods=1)

    assert evaluate(one_of_one, datapoints("- 0 X"), State.OK).state is State.ALARM
    assert evaluate(one_of_one, datapoints("- X 0"), State.ALARM).state is State.OK
    assert evaluate(one_of_one, datapoints("- - -"), State.INSUFFICIENT_DATA).state is State.OK


def test_too_few_samples_for_a_percentile_leave_the_state_as_it_is() -> None:
    p99 = rule(1, NOT_BREACHING, periods=1, fewest=1000)

    assert evaluate(p99, datapoints("0 0 X", samples=999), State.OK).state is State.OK
    assert evaluate(p99, datapoints("0 0 X", samples=1000), State.OK).state is State.ALARM
    assert evaluate(p99, datapoints("0 0 0", samples=999), State.ALARM).state is State.ALARM


@given(
    pattern=st.lists(st.sampled_from("0X-"), min_size=5, max_size=5).map(" ".join),
    datapoints_to_alarm=st.integers(1, 3),
    missing_data=st.sampled_from(MissingData),
    current=st.sampled_from(State),
)
def test_an_alarm_never_rings_without_a_breach_unless_missing_data_is_one(
    pattern: str, datapoints_to_alarm: int, missing_data: MissingData, current: State
) -> None:
    verdict = evaluate(rule(datapoints_to_alarm, missing_data), datapoints(pattern), current)

    if verdict.state is State.ALARM:
        assert "X" in pattern or missing_data is BREACHING or (missing_data is IGNORE and current == "ALARM")
    if verdict.state is State.INSUFFICIENT_DATA and current is not State.INSUFFICIENT_DATA:
        assert missing_data is MISSING
        assert "0" not in pattern


def test_the_known_comparisons_are_those_of_alarms_without_anomaly_detection() -> None:
    assert len(COMPARISONS) == 4
