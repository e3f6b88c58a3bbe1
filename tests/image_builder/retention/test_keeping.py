"""Which images are needed: each reason by itself, and none where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from image_builder.ami import Ami
from image_builder.registry.usage import Users
from image_builder.retention import keeping
from image_builder.retention.keeping import Facts, in_short, why_removed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"
LONG_AGO, LAST_WEEK, LAST_HOUR = "2026-01-01T00:00:00Z", "2026-11-16T12:00:00Z", "2026-11-23T11:00:00Z"
FACTS = Facts(now=NOW, days=30, count=0)


NEWEST_ID = "ami-newest"


def why_kept(images: Sequence[Ami], facts: Facts) -> dict[str, list[str]]:
    """What is told of *images*, where there is a newer one of each family."""
    newest = [
        ami(f"{NEWEST_ID}-{family}", NOW.isoformat(), ImageFamily=family, **succeeded("old", NEVER))
        for family in sorted({image.tags["ImageFamily"] for image in images})
    ]
    told = keeping.why_kept([*newest, *images], facts)
    return {ami_id: reasons for ami_id, reasons in told.items() if not ami_id.startswith(NEWEST_ID)}


def ami(ami_id: str = "ami-1", built_at: str = LONG_AGO, **tags: str) -> Ami:
    """An image of ours."""
    return Ami(
        ami_id=ami_id,
        name="web-1",
        owner_id="123456789012",
        state="available",
        state_reason="",
        architecture="x86_64",
        created_at=built_at,
        source_ami_id="",
        tags={"Built-By": "packer", "ImageFamily": "web", **tags},
        snapshot_ids=(),
    )


def succeeded(stack: str, moment: str) -> dict[str, str]:
    return {f"VerifiedIn:{stack}": moment}


@pytest.mark.parametrize(
    ("image", "facts", "reason"),
    [
        (ami(), {"users": {"ami-1": Users(groups={"web-prod": 3})}}, "runs in web-prod: 3"),
        (ami(), {"users": {"ami-1": Users(groups={}, without_group=1)}}, "runs in no group: 1"),
        (ami(), {"launchers": {"ami-1": ["launched by web-prod"]}}, "launched by web-prod"),
        (ami(), {"pins": {"ami-1": ["Pulumi.prod.yaml"]}}, "pinned in Pulumi.prod.yaml"),
        (ami(), {"shared": {"ami-1": ["111122223333"]}}, "shared with 111122223333"),
        (ami(), {"unknown": {"ami-1": "cannot be told"}}, "cannot be told"),
        (ami(), {"copied": {"ami-1": ["its copy ami-2 is in eu-west-1"]}}, "its copy ami-2 is in eu-west-1"),
        (ami(), {"families": frozenset({"db"})}, "not of this project's families"),
        (ami(**succeeded("dev", LAST_WEEK)), {}, "succeeded in dev 7 days ago"),
        (ami(**succeeded("dev", LONG_AGO)), {"count": 1}, "one of the newest 1 of dev"),
        (ami(built_at=LAST_HOUR), {}, "built 60 min ago, may be rolled out just now"),
    ],
)
def test_an_image_is_kept_because(image: Ami, facts: dict[str, Any], reason: str) -> None:
    assert why_kept([image], replace(FACTS, **facts)) == {"ami-1": [reason]}


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (ami(), "built 326 days ago, and it has succeeded nowhere"),
        (ami(**succeeded("dev", LONG_AGO)), "nothing uses it; it succeeded in dev 326 days ago"),
        (ami(built_at=LAST_HOUR, Rejected="no service"), "Rejected: no service"),
        (ami(Revoked="it leaks", **succeeded("dev", LAST_WEEK)), "Revoked: it leaks"),
    ],
)
def test_an_image_goes_because(image: Ami, why: str) -> None:
    facts = replace(FACTS, count=1) if image.refusal else FACTS

    assert why_kept([image], facts) == {"ami-1": []}
    assert why_removed(image, facts) == why


def test_a_revoked_image_stays_as_long_as_something_runs_it() -> None:
    facts = replace(FACTS, users={"ami-1": Users(groups={"web": 1})})

    assert why_kept([ami(Revoked="it leaks")], facts) == {"ami-1": ["runs in web: 1"]}


def test_the_newest_are_counted_in_each_stack_and_family_without_what_is_revoked() -> None:
    images = [
        ami("ami-1", **succeeded("dev", "2026-01-01T00:00:00Z")),
        ami("ami-2", **succeeded("dev", "2026-01-02T00:00:00Z"), **succeeded("prod", LONG_AGO)),
        ami("ami-3", **succeeded("dev", "2026-01-03T00:00:00Z"), Revoked="it leaks"),
        ami("ami-4", **{"ImageFamily": "db", **succeeded("dev", LONG_AGO)}),
    ]

    kept = why_kept(images, replace(FACTS, count=1))

    assert kept["ami-1"] == kept["ami-3"] == []
    assert kept["ami-2"] == ["one of the newest 1 of dev", "one of the newest 1 of prod"]
    assert kept["ami-4"] == ["one of the newest 1 of dev"]


def test_what_a_kept_image_is_built_on_stays_down_to_the_first() -> None:
    images = [ami("ami-1"), ami("ami-2", SourceAmi="ami-1"), ami("ami-3", SourceAmi="ami-2"), ami("ami-4")]

    kept = why_kept(images, replace(FACTS, pins={"ami-3": ["Pulumi.prod.yaml"]}))

    assert kept["ami-2"] == ["ami-3 is built on it"]
    assert kept["ami-1"] == ["ami-2 is built on it"]
    assert kept["ami-4"] == []


def test_a_time_that_cannot_be_read_keeps_its_image() -> None:
    assert why_kept([ami(**succeeded("dev", "yesterday"))], FACTS)["ami-1"]


def test_the_newest_of_each_family_that_can_be_used_stays() -> None:
    images = [
        ami("ami-4", "2026-01-04T00:00:00Z", Revoked="it leaks"),
        replace(ami("ami-3", "2026-01-03T00:00:00Z"), state="failed"),
        ami("ami-2", "2026-01-02T00:00:00Z"),
        ami("ami-1", "2026-01-01T00:00:00Z"),
        ami("ami-0", "2026-01-01T00:00:00Z", ImageFamily="golden"),
    ]

    kept = keeping.why_kept(images, FACTS)

    assert {ami_id: reasons for ami_id, reasons in kept.items() if reasons} == {
        "ami-2": ["the newest of web"],
        "ami-0": ["the newest of golden"],
    }


def test_what_an_image_of_another_project_is_built_on_stays() -> None:
    images = [ami("ami-1"), ami("ami-2", ImageFamily="blog", SourceAmi="ami-1")]

    kept = why_kept(images, replace(FACTS, families=frozenset({"web"})))

    assert kept["ami-1"] == ["ami-2 is built on it"]


def test_of_many_reasons_a_cell_has_the_first_ones() -> None:
    reasons = [f"ami-{number} is built on it" for number in range(218)]

    assert in_short(reasons[:2]) == "ami-0 is built on it; ami-1 is built on it"
    assert in_short(reasons).endswith("; ami-5 is built on it; …and 212 more")
