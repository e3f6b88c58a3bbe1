"""The picture of builds and rollouts in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from image_builder.telling.timeline import (
    LABEL_WIDTH,
    MOST_DAYS,
    MOST_GROUPS,
    WIDTH,
    draw_timeline,
    verdict_of,
)
from tests.image_builder import sample_reports
from tests.image_builder.sample_reports import NOW, ami_of, rollout, status_of


def test_nothing_of_late_is_no_picture() -> None:
    long_ago = ami_of(1, hours=24 * (MOST_DAYS + 1))

    assert draw_timeline([], [], NOW).lanes == []
    assert draw_timeline([long_ago], [], NOW).lanes == []


def test_there_is_a_lane_for_the_builds_and_one_for_each_group_in_the_order_of_time() -> None:
    report = sample_reports.busy()

    picture = draw_timeline([image.ami for image in report.images], report.groups, NOW)

    assert [lane.label for lane in picture.lanes] == [
        "images built",
        "shop-dev-group",
        "shop-prod-group",
        "shop-staging-group",
    ]
    newest_first = picture.lanes[1].marks
    assert [mark.verdict for mark in newest_first] == ["running", "bad", "good", "good"]
    assert [mark.x for mark in newest_first] == sorted((mark.x for mark in newest_first), reverse=True)


@pytest.mark.parametrize("hours", [0.001, 0.2, 3, 30, 300, 24 * MOST_DAYS - 1])
def test_everything_is_within_the_picture_and_the_times_below_it_are_few(hours: float) -> None:
    picture = draw_timeline([ami_of(1, hours=hours), ami_of(2, hours=0)], [], NOW)

    places = [*(mark.x for mark in picture.lanes[0].marks), *(x for x, _ in picture.ticks)]
    assert all(LABEL_WIDTH < x < WIDTH for x in places)
    assert 1 <= len(picture.ticks) <= 9
    assert len({label for _, label in picture.ticks}) == len(picture.ticks)


def test_more_groups_than_fit_are_left_to_the_table() -> None:
    groups = [
        status_of(f"group-{number}", "dev", [], "ami-1", [rollout(number, "ami-1", "Successful", hours=1)])
        for number in range(40)
    ]

    assert len(draw_timeline([], groups, NOW).lanes) == 1 + MOST_GROUPS


def test_a_time_that_is_none_is_not_drawn() -> None:
    ami = ami_of(1, hours=1, BuiltAt="yesterday")

    assert draw_timeline([ami], [], NOW + timedelta(days=1)).lanes == []


@pytest.mark.parametrize(
    ("status", "minutes", "verdict"),
    [
        ("Successful", 5, "good"),
        ("Failed", 5, "bad"),
        ("RollbackSuccessful", 5, "bad"),
        ("RollbackFailed", 5, "bad"),
        ("Cancelled", 5, "ended"),
        ("InProgress", 0, "running"),
        ("RollbackInProgress", 0, "running"),
        ("Baking", 0, "running"),
    ],
)
def test_each_end_of_a_rollout_has_its_colour(status: str, minutes: float, verdict: str) -> None:
    assert verdict_of(rollout(1, "ami-1", status, hours=1, minutes=minutes)) == verdict
