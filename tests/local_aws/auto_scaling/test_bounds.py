"""The room that percentages leave, against the cases that AWS documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.auto_scaling.bounds import Bounds, replacement_bounds


@pytest.mark.parametrize(
    ("desired", "smallest", "largest", "floor", "ceiling"),
    [
        (10, 80, None, 8, 10),
        (10, 100, 110, 10, 11),
        (10, 90, 110, 9, 11),
        (3, 100, 150, 3, 4),
        (4, 0, 100, 0, 4),
        (1, 100, 200, 1, 2),
    ],
)
def test_minimum_is_rounded_up_and_maximum_down(
    desired: int, smallest: int, largest: int | None, floor: int, ceiling: int
) -> None:
    assert replacement_bounds(desired, smallest, largest) == Bounds(floor=floor, ceiling=ceiling)


def test_ninety_percent_is_the_default_minimum() -> None:
    assert replacement_bounds(10, None, None) == Bounds(floor=9, ceiling=10)


def test_a_given_maximum_without_room_launches_one_first() -> None:
    assert replacement_bounds(3, 90, 100) == Bounds(floor=3, ceiling=4)


def test_an_omitted_maximum_without_room_terminates_one_while_launching_one() -> None:
    assert replacement_bounds(1, 90, None) == Bounds(floor=0, ceiling=1)


def test_a_minimum_of_100_launches_first_also_without_a_maximum() -> None:
    assert replacement_bounds(2, 100, None) == Bounds(floor=2, ceiling=3)


@given(desired=st.integers(1, 1000), smallest=st.integers(0, 100), extra=st.integers(0, 100))
def test_there_is_always_room_for_one_and_a_given_minimum_is_kept(
    desired: int, smallest: int, extra: int
) -> None:
    largest = max(100, min(200, smallest + extra))

    bounds = replacement_bounds(desired, smallest, largest)

    assert bounds.floor < bounds.ceiling
    assert bounds.floor * 100 >= desired * smallest
    assert bounds.ceiling <= max(desired + 1, desired * largest // 100)
