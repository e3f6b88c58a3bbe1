"""The reasons of alarms, held to sentences that CloudWatch wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from local_aws.monitoring.values import Datapoint, MissingData, Rule, State, Verdict
from local_aws.monitoring.wording import state_reason, state_reason_data

AT_LEAST, MORE = "GreaterThanOrEqualToThreshold", "GreaterThanThreshold"


def rule(
    comparison: str, threshold: float, of: int, alarming: int, missing: MissingData = MissingData.MISSING
) -> Rule:
    return Rule(
        comparison=comparison,
        threshold=threshold,
        evaluation_periods=of,
        datapoints_to_alarm=alarming,
        missing_data=missing,
    )


def points(*given: tuple[float, str]) -> tuple[Datapoint, ...]:
    """Data points by value and the time as a reason has it, the newest first."""
    return tuple(
        Datapoint(
            value=value,
            timestamp=datetime.strptime(time, "%d/%m/%y %H:%M:%S").replace(tzinfo=UTC).timestamp(),
        )
        for value, time in given
    )


@pytest.mark.parametrize(
    ("asked", "verdict", "previous", "sentence"),
    [
        (
            rule(MORE, 0.1, 1, 1),
            Verdict(state=State.ALARM, datapoints=points((1.0, "24/01/21 19:54:00"))),
            State.INSUFFICIENT_DATA,
            "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (24/01/21 19:54:00)] was greater than "
            "the threshold (0.1) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            rule(AT_LEAST, 7, 3, 3),
            Verdict(
                state=State.ALARM,
                datapoints=points(
                    (8.5, "14/07/21 23:18:00"), (9.72, "14/07/21 23:17:00"), (9.25, "14/07/21 23:16:00")
                ),
            ),
            State.OK,
            "Threshold Crossed: 3 out of the last 3 datapoints [8.5 (14/07/21 23:18:00), 9.72 (14/07/21 "
            "23:17:00), 9.25 (14/07/21 23:16:00)] were greater than or equal to the threshold (7.0) (minimum "
            "3 datapoints for OK -> ALARM transition).",
        ),
        (
            rule(AT_LEAST, 1, 20, 1, MissingData.NOT_BREACHING),
            Verdict(state=State.ALARM, datapoints=points((613.0, "16/03/24 12:15:00")), filled=19),
            State.OK,
            "Threshold Crossed: 1 out of the last 20 datapoints [613.0 (16/03/24 12:15:00)] was greater than "
            "or equal to the threshold (1.0) and 19 missing datapoints were treated as [NonBreaching] "
            "(minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            rule(MORE, 0.005, 3, 3),
            Verdict(
                state=State.OK,
                datapoints=points(
                    (0.002, "17/07/26 04:13:00"), (0.002, "17/07/26 04:08:00"), (0.006, "17/07/26 04:03:00")
                ),
            ),
            State.ALARM,
            "Threshold Crossed: 2 out of the last 3 datapoints [0.002 (17/07/26 04:13:00), 0.002 (17/07/26 "
            "04:08:00)] were not greater than the threshold (0.005) (minimum 1 datapoint for ALARM -> OK "
            "transition).",
        ),
        (
            rule(AT_LEAST, 10, 1, 1, MissingData.NOT_BREACHING),
            Verdict(state=State.OK, filled=1),
            State.INSUFFICIENT_DATA,
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated "
            "as [NonBreaching].",
        ),
        (
            rule(AT_LEAST, 1, 3, 3, MissingData.BREACHING),
            Verdict(state=State.ALARM, filled=3),
            State.OK,
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were "
            "treated as [Breaching].",
        ),
        (
            rule(MORE, 20, 1, 1),
            Verdict(state=State.INSUFFICIENT_DATA),
            State.OK,
            "Insufficient Data: 1 datapoint was unknown.",
        ),
    ],
)
def test_reasons_are_in_cloudwatchs_form(
    asked: Rule, verdict: Verdict, previous: State, sentence: str
) -> None:
    assert state_reason(asked, verdict, previous) == sentence


def test_the_reason_as_data_has_the_data_points_from_old_to_new_and_each_with_its_time() -> None:
    verdict = Verdict(
        state=State.OK, datapoints=points((0.0, "09/01/23 14:02:00"), (1.0, "09/01/23 14:01:00"))
    )

    data = json.loads(
        state_reason_data(rule(MORE, 42, 2, 2), verdict, statistic="Sum", period=60, now=1673273245.504)
    )

    assert data["version"] == "1.0"
    assert data["queryDate"] == "2023-01-09T14:07:25.504+0000"
    assert data["startDate"] == "2023-01-09T14:01:00.000+0000"
    assert (data["statistic"], data["period"], data["threshold"]) == ("Sum", 60, 42.0)
    assert data["recentDatapoints"] == [1.0, 0.0]
    assert data["evaluatedDatapoints"][0] == {
        "timestamp": "2023-01-09T14:02:00.000+0000",
        "sampleCount": 1.0,
        "value": 0.0,
    }
