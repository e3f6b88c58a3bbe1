"""API actions that moto lacks or answers too little: methods for its CloudWatchResponse."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from local_aws.monitoring import history
from local_aws.monitoring.aggregate import statistic_of
from local_aws.monitoring.backend import LocalCloudWatchBackend
from local_aws.monitoring.metrics import (
    as_dimensions,
    as_moto_time,
    as_timestamp,
    read_periods,
    select,
)

MOST_DATAPOINTS = 1440
"""Of one GetMetricStatistics (API reference)."""

MOST_HISTORY_ITEMS = 100


class LocalActions(CloudWatchResponse):
    """The actions; put_actions_on_moto() puts them on moto's own class, which its URLs name."""

    @property
    def local_backend(self) -> LocalCloudWatchBackend:
        """The backend of this call's account and region."""
        backend = self.cloudwatch_backend
        if not isinstance(backend, LocalCloudWatchBackend):
            raise TypeError(f"{type(backend).__name__}: install() was not called before the first request")
        return backend

    def get_metric_statistics(self) -> ActionResult:
        """GetMetricStatistics, with percentiles, of exactly the dimensions that are asked for."""
        basic, extended = self._get_param("Statistics", []), self._get_param("ExtendedStatistics", [])
        if not basic and not extended:
            raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
        metric, period = self._get_param("MetricName"), self._get_int_param("Period")
        start, end = (as_timestamp(self._get_param(name)) for name in ("StartTime", "EndTime"))
        if start >= end:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        if (end - start) / period > MOST_DATAPOINTS:
            raise InvalidParameterCombination(
                f"You have requested up to {(end - start) / period:.0f} datapoints, which exceeds the limit "
                f"of {MOST_DATAPOINTS}."
            )
        starts = [start + period * index for index in range(-int((start - end) // period))]
        found = select(
            [*self.local_backend.get_all_metrics()],
            namespace=self._get_param("Namespace"),
            metric=metric,
            dimensions=as_dimensions(self._get_param("Dimensions", [])),
            unit=self._get_param("Unit"),
        )
        chosen = [(time, datum) for time, datum in found if time < end]
        unit = next((datum.unit for _, datum in chosen), None)
        points: list[dict[str, Any]] = []
        for begin, samples in zip(starts, read_periods(chosen, starts, period), strict=True):
            if samples is None:
                continue
            percentiles = {name: statistic_of(samples, name) for name in extended}
            points.append(
                {
                    "Timestamp": as_moto_time(begin),
                    "Unit": unit,
                    **{name: statistic_of(samples, name) for name in basic},
                    **({"ExtendedStatistics": percentiles} if extended else {}),
                }
            )
        return ActionResult({"Label": metric, "Datapoints": points})

    def describe_alarm_history(self) -> ActionResult:
        """DescribeAlarmHistory, the newest first unless asked otherwise."""
        start, end = self._get_param("StartDate"), self._get_param("EndDate")
        items = history.find(
            reversed(self.local_backend.items),
            alarm_name=self._get_param("AlarmName"),
            kind=self._get_param("HistoryItemType"),
            start=as_timestamp(start) if start else None,
            end=as_timestamp(end) if end else None,
        )
        if self._get_param("ScanBy") == "TimestampAscending":
            items.reverse()
        first = int(self._get_param("NextToken") or 0)
        last = first + min(self._get_int_param("MaxRecords") or MOST_HISTORY_ITEMS, MOST_HISTORY_ITEMS)
        answer: dict[str, Any] = {"AlarmHistoryItems": [item.as_answer() for item in items[first:last]]}
        if last < len(items):
            answer["NextToken"] = str(last)
        return ActionResult(answer)


def put_actions_on_moto() -> None:
    """Make moto's response class answer with the actions of LocalActions; doing it twice changes nothing."""
    for name in ("local_backend", "get_metric_statistics", "describe_alarm_history"):
        setattr(CloudWatchResponse, name, vars(LocalActions)[name])
