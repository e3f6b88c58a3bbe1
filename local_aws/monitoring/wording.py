"""The sentences of alarms, in the form in which CloudWatch writes them.

CloudWatch user guide, "Alarm events and EventBridge"; re:Post, "How do I understand my alarm and evaluate my
alarm transition state in CloudWatch?".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from local_aws.monitoring.values import COMPARISONS, MissingData, Rule, State, Verdict

FILLED_AS = {MissingData.BREACHING: "Breaching", MissingData.NOT_BREACHING: "NonBreaching"}


def state_reason(rule: Rule, verdict: Verdict, previous: State) -> str:
    """StateReason of an alarm that goes from *previous* to what *verdict* says."""
    if verdict.state is State.INSUFFICIENT_DATA:
        unknown = rule.evaluation_periods - len(verdict.datapoints)
        return f"Insufficient Data: {_count(unknown, 'datapoint')} {_were(unknown)} unknown."
    filled = ""
    if verdict.filled and rule.missing_data in FILLED_AS:
        filled = (
            f" and {_count(verdict.filled, 'missing datapoint')} {_were(verdict.filled)} treated as "
            f"[{FILLED_AS[rule.missing_data]}]"
        )
    if not verdict.datapoints:
        periods = _count(rule.evaluation_periods, "period")
        return f"Threshold Crossed: no datapoints were received for {periods}{filled}."
    is_alarm = verdict.state is State.ALARM
    told = [point for point in verdict.datapoints if rule.is_breached_by(point.value) is is_alarm]
    told = told or list(verdict.datapoints)
    values = ", ".join(f"{point.value} ({_day_and_time(point.timestamp)})" for point in told)
    return (
        f"Threshold Crossed: {len(told)} out of the last {rule.evaluation_periods} datapoints "
        f"[{values}] {_were(len(told))} {'' if is_alarm else 'not '}{COMPARISONS[rule.comparison][1]} the "
        f"threshold ({float(rule.threshold)}){filled}{_least(rule, verdict.state, previous)}."
    )


def _least(rule: Rule, state: State, previous: State) -> str:
    """How many data points the change takes at least."""
    if state is State.ALARM:
        return f" (minimum {_count(rule.datapoints_to_alarm, 'datapoint')} for OK -> ALARM transition)"
    if previous is State.ALARM:
        least = rule.evaluation_periods - rule.datapoints_to_alarm + 1
        return f" (minimum {_count(least, 'datapoint')} for ALARM -> OK transition)"
    return ""


def state_reason_data(rule: Rule, verdict: Verdict, *, statistic: str, period: int, now: float) -> str:
    """StateReasonData, the same as JSON."""
    data: dict[str, object] = {"version": "1.0", "queryDate": _exact_time(now)}
    if verdict.datapoints:
        data["startDate"] = _exact_time(verdict.datapoints[-1].timestamp)
    data |= {
        "statistic": statistic,
        "period": period,
        "recentDatapoints": [point.value for point in reversed(verdict.datapoints)],
        "threshold": float(rule.threshold),
        "evaluatedDatapoints": [
            {"timestamp": _exact_time(point.timestamp), "sampleCount": point.samples, "value": point.value}
            for point in verdict.datapoints
        ],
    }
    return json.dumps(data, separators=(",", ":"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _day_and_time(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%d/%m/%y %H:%M:%S")


def _exact_time(timestamp: float) -> str:
    return (
        datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    )
