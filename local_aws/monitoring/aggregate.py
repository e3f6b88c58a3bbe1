"""Samples put together to the statistics of a period: pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")
BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What was measured: a statistic set and, where it is known, how often each value came."""

    count: float
    total: float
    least: float
    most: float
    distribution: Mapping[float, int] = field(default_factory=dict)


def one(value: float) -> Samples:
    """A single sample."""
    return Samples(count=1.0, total=value, least=value, most=value, distribution={value: 1})


def of_values(distribution: Mapping[float, int]) -> Samples:
    """Samples of which each value and how often it came is known."""
    count = sum(distribution.values())
    total = sum(value * times for value, times in distribution.items())
    least, most = min(distribution), max(distribution)
    return Samples(count=count, total=total, least=least, most=most, distribution=distribution)


def merge(parts: Iterable[Samples]) -> Samples | None:
    """All of *parts* as one; None without any.

    The distribution is known only where that of every part is.
    """
    every = list(parts)
    if not every:
        return None
    distribution: Counter[float] = Counter()
    if all(part.distribution for part in every):
        for part in every:
            distribution.update(part.distribution)
    return Samples(
        count=sum(part.count for part in every),
        total=sum(part.total for part in every),
        least=min(part.least for part in every),
        most=max(part.most for part in every),
        distribution=distribution,
    )


def percentage_of(statistic: str) -> float | None:
    """99.0 of p99; None of what is no percentile."""
    match = PERCENTILE.fullmatch(statistic)
    return float(match[1]) if match else None


def statistic_of(samples: Samples, statistic: str) -> float | None:
    """A basic statistic or a percentile of *samples*; None where it cannot be told."""
    basic = {
        "SampleCount": samples.count,
        "Sum": samples.total,
        "Average": samples.total / samples.count if samples.count else None,
        "Minimum": samples.least,
        "Maximum": samples.most,
    }
    if statistic in basic:
        return basic[statistic]
    percentage = percentage_of(statistic)
    if percentage is None or not samples.distribution:
        return None
    return _percentile(samples.distribution, percentage)


def _percentile(distribution: Mapping[float, int], percentage: float) -> float:
    """The least value that *percentage* of the samples do not exceed (nearest rank)."""
    rank = max(1, math.ceil(percentage / 100 * sum(distribution.values())))
    reached = 0
    for value in sorted(distribution):
        reached += distribution[value]
        if reached >= rank:
            return value
    raise AssertionError("a rank is never beyond the last sample")


def fewest_samples(percentage: float) -> float:
    """How many samples a percentile needs to be statistically significant.

    CloudWatch user guide, "Percentile-based alarms and low data samples".
    """
    share = percentage / 100
    if share >= 1:
        return math.inf
    return 10 / (1 - share) if share >= 0.5 else 10 / share if share else math.inf
