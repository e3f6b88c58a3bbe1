"""The picture of which image is built on which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from image_builder.registry.inventory import Listed
from image_builder.telling.lineage import (
    BOX_HEIGHT,
    BOX_WIDTH,
    MOST_COLUMNS,
    MOST_IMAGES,
    Lineage,
    draw_lineage,
)
from tests.image_builder import sample_reports
from tests.image_builder.sample_reports import DEBIAN, NOW, ami_of, listed_of


def titles(picture: Lineage) -> list[tuple[int, str]]:
    """Column and first line of each box, from above."""
    width = max((box.x for box in picture.boxes if box.x), default=1)
    columns = sorted({box.x for box in picture.boxes}) or [width]
    return [(columns.index(box.x), box.lines[0]) for box in picture.boxes]


def assert_readable(picture: Lineage) -> None:
    """No box covers another, and each but a base has its line."""
    places = [(box.x, box.y) for box in picture.boxes]
    assert len(set(places)) == len(places)
    assert all(
        abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
        for number, one in enumerate(picture.boxes)
        for other in picture.boxes[:number]
    )
    assert len(picture.lines) == sum(box.x > 0 for box in picture.boxes)


def test_no_image_is_no_picture() -> None:
    picture = draw_lineage([], NOW)

    assert (picture.boxes, picture.lines, picture.left_out) == ([], [], 0)


def test_each_image_is_right_of_what_it_is_built_on() -> None:
    picture = draw_lineage(sample_reports.busy().images, NOW)

    assert_readable(picture)
    assert [column for column, _ in titles(picture)] == [0, 1, 2, 2, 2, 2, 0, 1, 2, 2, 0, 1]
    assert picture.left_out == 0


def test_what_matters_of_an_image_is_its_state_and_said_in_words() -> None:
    boxes = {box.ami_id: box for box in draw_lineage(sample_reports.busy().images, NOW).boxes}

    told = [
        (boxes[f"ami-{number:017x}"].state, boxes[f"ami-{number:017x}"].lines[2]) for number in (1, 2, 5, 6)
    ]

    assert told == [
        ("verified", "verified in dev"),
        ("refused", "Revoked, but runs in shop-staging-group…"),
        ("refused", "Rejected: test_service_answers: connect…"),
        ("runs", "runs in shop-dev-group: 2"),
    ]


def test_a_base_that_cannot_be_seen_or_is_not_recorded_is_said() -> None:
    images = [
        listed_of(ami_of(1, hours=1, base="ami-0000000000000dead")),
        listed_of(ami_of(2, hours=2, base="")),
    ]

    bases = [box.lines for box in draw_lineage(images, NOW).boxes if box.state == "base"]

    assert bases == [
        ("ami-0000000000000dead", "deregistered, or not shared", "1 image on it"),
        ("base not recorded", "", "1 image on it"),
    ]


def test_of_many_images_those_in_use_and_the_newest_are_drawn_and_the_others_counted() -> None:
    images = sample_reports.many(200).images
    used = next(image for image in images if image.users.groups)

    picture = draw_lineage(images, NOW)

    drawn = [box.ami_id for box in picture.boxes if box.ami_id]
    assert_readable(picture)
    assert len(drawn) == MOST_IMAGES
    assert {used.ami.ami_id, images[0].ami.ami_id, images[1].ami.ami_id} <= {*drawn}
    assert picture.left_out == 200 - MOST_IMAGES
    assert [box.lines[0] for box in picture.boxes if box.state == "others"] == ["and 118 more", "and 58 more"]


def chain(length: int) -> list[Listed]:
    """Images each of which is built on the next."""
    return [
        listed_of(ami_of(number, hours=number, base=f"ami-{number + 1:017x}" if number < length else DEBIAN))
        for number in range(1, length + 1)
    ]


def test_long_lines_of_images_are_cut_off_and_counted() -> None:
    picture = draw_lineage(chain(2000), NOW)

    assert_readable(picture)
    assert len({box.x for box in picture.boxes}) == MOST_COLUMNS + 1
    assert picture.left_out == 2000 - (MOST_COLUMNS - 1)
    assert picture.boxes[-1].lines[0] == f"and {picture.left_out} more"


@pytest.mark.parametrize("length", [1, 2, 3])
def test_images_that_name_each_other_as_base_are_drawn_once(length: int) -> None:
    line = chain(length)
    last = line[-1]
    circle = [
        *line[:-1],
        replace(last, ami=replace(last.ami, source_ami_id=line[0].ami.ami_id, tags={**last.ami.tags})),
    ]

    picture = draw_lineage(circle, NOW)

    assert_readable(picture)
    assert sorted(box.ami_id for box in picture.boxes if box.ami_id) == sorted(
        image.ami.ami_id for image in circle
    )
