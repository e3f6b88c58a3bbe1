"""The plain values that alarms are evaluated on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (lambda value, limit: value >= limit, "greater than or equal to"),
    "GreaterThanThreshold": (lambda value, limit: value > limit, "greater than"),
    "LessThanThreshold": (lambda value, limit: value < limit, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, limit: value <= limit, "less than or equal to"),
}
"""How a value breaches a threshold, and AWS's words for it."""

MORE_THAN_THE_EVALUATION_PERIODS = 2
"""How many further data points are looked at when some are missing: five for three, in AWS's examples."""


class State(StrEnum):
    """API reference, MetricAlarm.StateValue."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class MissingData(StrEnum):
    """API reference, MetricAlarm.TreatMissingData."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What an alarm asks of its metric."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    missing_data: MissingData = MissingData.MISSING
    fewest_samples: float = 0.0
    """Fewer in a data point, and the state stays as it is (EvaluateLowSampleCountPercentile: ignore)."""

    def is_breached_by(self, value: float) -> bool:
        """Whether *value* is beyond the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)

    @property
    def evaluation_range(self) -> int:
        """How many of the most recent periods are looked at."""
        return self.evaluation_periods + MORE_THAN_THE_EVALUATION_PERIODS


@dataclass(frozen=True, kw_only=True)
class Datapoint:
    """The statistic of one period, which began at *timestamp*, in seconds since 1970."""

    timestamp: float
    value: float
    samples: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state that follows, what it rests on, newest first, and how many missing ones were filled in."""

    state: State
    datapoints: tuple[Datapoint, ...] = ()
    filled: int = 0
