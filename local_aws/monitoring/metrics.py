"""moto's metric data as samples and data points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from moto.cloudwatch.models import (
    MetricAggregatedDatum,
    MetricDatum,
    MetricDatumBase,
    Statistics,
)

from local_aws.monitoring.aggregate import Samples, merge, one, statistic_of
from local_aws.monitoring.measure import NAMESPACE, Dimensions, Measurement
from local_aws.monitoring.values import Datapoint


class PublishedDatum(MetricAggregatedDatum):
    """What a service publishes: unlike a statistic set that a user puts, its percentiles are known."""

    def __init__(self, measurement: Measurement, timestamp: float) -> None:
        samples = measurement.samples
        super().__init__(
            namespace=NAMESPACE,
            name=measurement.metric,
            min_stat=samples.least,
            max_stat=samples.most,
            sample_count=samples.count,
            sum_stat=samples.total,
            dimensions=[{"Name": name, "Value": value} for name, value in measurement.dimensions],
            timestamp=as_moto_time(timestamp),
            unit=measurement.unit,
        )
        self.samples = samples


class LocalStatistics(Statistics):
    """moto's statistics of one period, with percentiles."""

    def get_statistics_for_type(self, stat: str) -> float | None:
        """The statistic *stat*, of any kind."""
        samples = merge(samples_of(datum) for datum in self.metric_data)
        return None if samples is None else statistic_of(samples, stat)


def samples_of(datum: MetricDatumBase) -> Samples:
    """What *datum* says."""
    if isinstance(datum, PublishedDatum):
        return datum.samples
    if isinstance(datum, MetricAggregatedDatum):
        return Samples(count=datum.sample_count, total=datum.sum, least=datum.min, most=datum.max)
    if isinstance(datum, MetricDatum):
        return one(datum.value)
    raise TypeError(f"{type(datum).__name__} is no metric datum that is known here")


def as_moto_time(timestamp: float) -> datetime:
    """UTC without saying so, as moto keeps times."""
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def as_timestamp(time: datetime) -> float:
    """Seconds since 1970 of a time that moto keeps or parsed."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def as_dimensions(dimensions: Iterable[Mapping[str, str]]) -> Dimensions:
    """Dimensions as the API writes them, in an order of their own."""
    return tuple(sorted((each["Name"], each["Value"]) for each in dimensions))


def select(
    data: Iterable[MetricDatumBase], *, namespace: str, metric: str, dimensions: Dimensions, unit: str | None
) -> Iterator[tuple[float, MetricDatumBase]]:
    """(timestamp, datum) of exactly that metric: other dimensions are another one."""
    for datum in data:
        if datum.name != metric or datum.namespace != namespace or (unit and datum.unit != unit):
            continue
        if tuple(sorted((each.name or "", each.value or "") for each in datum.dimensions)) == dimensions:
            yield as_timestamp(datum.timestamp), datum


def read_periods(
    data: Iterable[tuple[float, MetricDatumBase]], starts: Sequence[float], length: float
) -> list[Samples | None]:
    """What was measured in each period of *length* that begins at one of *starts*."""
    found = list(data)
    return [
        merge(samples_of(datum) for timestamp, datum in found if start <= timestamp < start + length)
        for start in starts
    ]


def as_datapoints(
    periods: Sequence[Samples | None], starts: Sequence[float], statistic: str
) -> list[Datapoint | None]:
    """The statistic of each period; None where nothing was measured."""
    points: list[Datapoint | None] = []
    for samples, start in zip(periods, starts, strict=True):
        value = None if samples is None else statistic_of(samples, statistic)
        if samples is None or value is None:
            points.append(None)
        else:
            points.append(Datapoint(timestamp=start, value=value, samples=samples.count))
    return points
