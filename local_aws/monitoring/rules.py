"""moto's alarms as rules, and what of them is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import Alarm

from local_aws.monitoring.aggregate import BASIC, fewest_samples, percentage_of
from local_aws.monitoring.values import COMPARISONS, MissingData, Rule

HIGH_RESOLUTION_PERIODS = (10, 20, 30)
LONGEST_EVALUATION_SECONDS = 7 * 86400
"""PutMetricAlarm, EvaluationPeriods."""


def check(given: Mapping[str, Any]) -> None:
    """Raise what PutMetricAlarm would answer to wrong parameters, and a refusal of what is not served."""
    for name, words in (
        ("metric_data_queries", "Metrics (metric math)"),
        ("rule", "composite alarms"),
        ("threshold_metric_id", "ThresholdMetricId (anomaly detection)"),
    ):
        if given.get(name):
            raise ValidationError(f"{words}: the local AWS does not serve it; it serves alarms on one metric")
    if not given.get("metric_name") or not given.get("namespace"):
        raise ValidationError("MetricName and Namespace are required.")
    if given.get("comparison_operator") not in COMPARISONS:
        known = ", ".join(COMPARISONS)
        raise ValidationError(
            f"ComparisonOperator must be one of {known} ({given.get('comparison_operator')})."
        )
    statistic, extended = given.get("statistic"), given.get("extended_statistic")
    if bool(statistic) is bool(extended):
        raise InvalidParameterCombination("Exactly one of Statistic and ExtendedStatistic must be specified")
    if statistic and statistic not in BASIC:
        raise ValidationError(f"Statistic must be one of {', '.join(BASIC)} ({statistic}).")
    if extended and percentage_of(extended) is None:
        raise InvalidParameterValue(f"The value {extended} for parameter ExtendedStatistic is not supported.")
    _check_periods(given)
    missing = given.get("treat_missing_data")
    if missing and missing not in set(MissingData):
        raise ValidationError(f"Option {missing} is not supported for parameter TreatMissingData.")


def _check_periods(given: Mapping[str, Any]) -> None:
    period, periods = int(given.get("period") or 0), int(given.get("evaluation_periods") or 0)
    datapoints = int(given.get("datapoints_to_alarm") or periods)
    if period not in HIGH_RESOLUTION_PERIODS and (period < 60 or period % 60):
        raise ValidationError(f"Period must be 10, 20, 30 or a multiple of 60 ({period}).")
    if periods < 1 or period * periods > LONGEST_EVALUATION_SECONDS:
        raise ValidationError(f"EvaluationPeriods must be at least 1, and 7 days at most ({periods}).")
    if not 1 <= datapoints <= periods:
        raise ValidationError(f"DatapointsToAlarm must be from 1 to EvaluationPeriods ({datapoints}).")


def statistic_of(alarm: Alarm) -> str:
    """The statistic that *alarm* looks at."""
    return str(alarm.extended_statistic or alarm.statistic)


def rule_of(alarm: Alarm) -> Rule:
    """What *alarm* asks of its metric."""
    periods = int(alarm.evaluation_periods)
    percentage = percentage_of(statistic_of(alarm))
    ignores = alarm.evaluate_low_sample_count_percentile == "ignore" and percentage is not None
    return Rule(
        comparison=str(alarm.comparison_operator),
        threshold=float(alarm.threshold),
        evaluation_periods=periods,
        datapoints_to_alarm=int(alarm.datapoints_to_alarm or periods),
        missing_data=MissingData(alarm.treat_missing_data or MissingData.MISSING),
        fewest_samples=fewest_samples(percentage) if ignores and percentage is not None else 0.0,
    )
