"""Statistics of samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.monitoring.aggregate import Samples, fewest_samples, merge, of_values, one, statistic_of

HUNDRED = of_values({float(number): 1 for number in range(1, 101)})


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        ("SampleCount", 100),
        ("Sum", 5050),
        ("Average", 50.5),
        ("Minimum", 1),
        ("Maximum", 100),
        ("p50", 50),
        ("p99", 99),
        ("p99.5", 100),
        ("p0", 1),
        ("p100", 100),
    ],
)
def test_each_statistic(statistic: str, value: float) -> None:
    assert statistic_of(HUNDRED, statistic) == value


def test_no_percentile_is_made_up_where_only_a_statistic_set_is_known() -> None:
    known = Samples(count=2, total=3, least=1, most=2)

    assert statistic_of(known, "p99") is None
    merged = merge([known, one(7)])
    assert merged
    assert statistic_of(merged, "p99") is None
    assert statistic_of(merged, "Maximum") == 7


def test_nothing_merged_is_nothing() -> None:
    assert merge([]) is None


@given(st.lists(st.lists(st.integers(0, 50), min_size=1), min_size=1))
def test_merging_is_the_same_as_measuring_at_once(parts: list[list[int]]) -> None:
    at_once = merge(one(float(value)) for part in parts for value in part)
    in_parts = merge(merged for part in parts if (merged := merge(one(float(value)) for value in part)))

    assert at_once
    assert in_parts
    for statistic in ("SampleCount", "Sum", "Minimum", "Maximum", "p50", "p99"):
        assert statistic_of(at_once, statistic) == statistic_of(in_parts, statistic)


def test_how_many_samples_a_percentile_needs_is_as_documented() -> None:
    assert fewest_samples(99) == pytest.approx(1000)
    assert fewest_samples(50) == 20
    assert fewest_samples(10) == pytest.approx(100)
    assert fewest_samples(100) == math.inf
