"""Promises of bench/measure.py."""

from __future__ import annotations

import pytest

from bench.measure import Result, Way, compare, table


def way(name: str, order: list[str], *seconds: float) -> Way:
    """A way that takes *seconds*, round by round, and notes in *order* when it was its turn."""

    def run(number: int) -> float:
        order.append(name)
        return seconds[number]

    return Way(name=name, run=run)


def test_both_ways_take_turns_and_neither_always_begins() -> None:
    order: list[str] = []

    compare("title", way("a", order, 1, 1, 1), way("b", order, 1, 1, 1), 3, lambda _: None)

    assert order == ["a", "b", "b", "a", "a", "b"]


def test_the_ratio_is_that_of_the_medians_so_one_bad_round_does_not_decide() -> None:
    order: list[str] = []

    result = compare("title", way("a", order, 2, 90, 3), way("b", order, 4, 6, 6), 3, lambda _: None)

    assert result.ratio == pytest.approx(3 / 6)
    assert result.ratios == pytest.approx((0.5, 15, 0.5))


def test_the_table_says_what_was_measured_how_often_and_how_far_it_spread() -> None:
    result = Result(
        title="what", ours="ours", theirs="theirs", our_seconds=(1, 2, 3), their_seconds=(4, 4, 8)
    )

    lines = [line.split() for line in table(result).splitlines()]

    assert lines == [
        ["what"],
        ["median", "least", "to", "most", "runs"],
        ["ours", "2.00", "s", "1.00", "to", "3.00", "s", "3"],
        ["theirs", "4.00", "s", "4.00", "to", "8.00", "s", "3"],
        ["ratio", "0.50", "0.25", "to", "0.50"],
    ]
