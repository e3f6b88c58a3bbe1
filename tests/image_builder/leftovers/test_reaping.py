"""What is a leftover of a dead run, and what is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_builder.leftovers.reaping import CLOCKS_DIFFER, Known, Row, judge
from image_builder.leftovers.temporaries import Kind, Temporary

RUN, OTHER_RUN = "20261123T080000-0123abcd", "20261123T090000-4567cdef"
DEADLINE = datetime(2026, 11, 23, 9, 10, tzinfo=UTC)
TAGS = {"Built-By": "packer", "RunId": RUN, "RunDeadline": "2026-11-23T09:10:00Z"}
LATER = DEADLINE + timedelta(hours=2)


def thing(kind: Kind = Kind.INSTANCE, name: str = "x-1", **changes: Any) -> Temporary:
    return Temporary(**{"kind": kind, "resource_id": name, "tags": TAGS, **changes})


def judged(*things: Temporary, **changes: Any) -> list[Row]:
    return judge(things, Known(**{"now": LATER, "alive": {}, **changes}))


def verdict(*things: Temporary, **changes: Any) -> tuple[bool, str]:
    (row,) = judged(*things, **changes)
    return row.is_leftover, row.reason


def test_a_thing_of_a_run_past_its_deadline_without_a_process_here_is_a_leftover() -> None:
    assert verdict(thing()) == (
        True,
        "run is dead: its deadline was 2026-11-23 09:10 UTC, and no Packer of it runs here",
    )


def test_a_living_run_keeps_its_things_however_late_it_is_and_whatever_a_person_says() -> None:
    kept = (False, "run is alive here: pid 1234")

    assert verdict(thing(), alive={RUN: 1234}) == kept
    assert verdict(thing(), alive={RUN: 1234}, named={RUN}) == kept


def test_a_run_of_another_machine_is_left_alone_until_it_cannot_be_alive() -> None:
    just_before = DEADLINE + CLOCKS_DIFFER - timedelta(seconds=1)

    assert verdict(thing(), now=just_before) == (
        False,
        "run may be alive elsewhere until its deadline, 2026-11-23 09:20 UTC",
    )
    assert verdict(thing(), now=DEADLINE + CLOCKS_DIFFER)[0]
    assert not verdict(thing(), margin=timedelta(hours=3))[0]


def test_a_run_that_a_person_names_is_dead_before_its_deadline_and_the_others_are_not_looked_at() -> None:
    other = thing(name="x-2", tags={**TAGS, "RunId": OTHER_RUN})

    (row,) = judged(thing(), other, now=DEADLINE - timedelta(minutes=50), named={RUN})

    assert (row.thing.resource_id, row.is_leftover) == ("x-1", True)
    assert row.reason == "run is over, you say, and no Packer of it runs here"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "has Packer's name but no RunId tag: whose it is cannot be proven"),
        ({**TAGS, "RunId": "run-1"}, "has the tag RunId=run-1, which is no run of this program"),
        ({**TAGS, "Built-By": "jenkins"}, "has not the tag Built-By=packer that every run gives"),
        (
            {"Built-By": "packer", "RunId": RUN},
            "has no RunDeadline to go by: name its run with --run if you know that it is over",
        ),
        (
            {**TAGS, "RunDeadline": "2026-11-23T09:10:00"},
            "has no RunDeadline to go by: name its run with --run if you know that it is over",
        ),
    ],
)
def test_what_cannot_be_proven_to_be_of_a_dead_run_stays(tags: dict[str, str], reason: str) -> None:
    assert verdict(thing(Kind.KEY_PAIR, tags=tags)) == (False, reason)


@pytest.mark.parametrize("state", ["available", "disabled"])
def test_a_complete_image_and_its_snapshots_are_no_temporary_things(state: str) -> None:
    image = thing(Kind.IMAGE, "ami-1", state=state, depends_on=("snap-1",))
    snapshot = thing(Kind.SNAPSHOT, "snap-1", state="completed")

    assert judged(image, snapshot) == []
    assert judged(image, snapshot, named={RUN}) == []


def test_the_snapshot_of_a_finished_image_that_is_deregistered_is_for_people_to_remove() -> None:
    finished = thing(Kind.SNAPSHOT, "snap-1", state="completed", tags={**TAGS, "SourceAmi": "ami-0"})

    assert judged(finished) == []


@pytest.mark.parametrize("state", ["pending", "transient"])
def test_an_image_that_aws_still_makes_stays_with_its_snapshots(state: str) -> None:
    image = thing(Kind.IMAGE, "ami-1", state=state, depends_on=("snap-1",))

    assert verdict(image, thing(Kind.SNAPSHOT, "snap-1", state="pending"), named={RUN}) == (
        False,
        f"AWS still makes it ({state}): once complete, the next pulumi up adopts it",
    )


@pytest.mark.parametrize("state", ["failed", "error", "invalid"])
def test_an_image_that_can_never_be_complete_goes_and_then_its_snapshots(state: str) -> None:
    image = thing(Kind.IMAGE, "ami-1", state=state, depends_on=("snap-1",))
    snapshot = thing(Kind.SNAPSHOT, "snap-1", state="error")

    rows = judged(snapshot, image)

    assert [(row.thing.resource_id, row.is_leftover) for row in rows] == [("ami-1", True), ("snap-1", True)]


def test_a_half_made_snapshot_that_no_image_has_is_a_leftover() -> None:
    assert verdict(thing(Kind.SNAPSHOT, state="pending"))[0]
    assert verdict(thing(Kind.SNAPSHOT, state="completed"))[0]


def test_a_volume_goes_with_its_instance_and_stays_with_one_that_stays() -> None:
    volume = thing(Kind.VOLUME, "vol-1", depends_on=("i-1",))

    assert [row.is_leftover for row in judged(thing(Kind.INSTANCE, "i-1"), volume)] == [True, True]
    assert verdict(volume) == (False, "is attached to i-1, which stays")
    assert verdict(thing(Kind.VOLUME, "vol-1"))[0]


def test_the_rows_are_in_an_order_in_which_things_can_be_removed() -> None:
    things = [thing(kind, f"x-{number}") for number, kind in enumerate(reversed(list(Kind)))]
    failed = [Temporary(**{**vars(one), "state": "failed"}) for one in things]

    assert [row.thing.kind for row in judged(*failed)] == list(Kind)


TAG_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "Built-By": st.sampled_from(["packer", "jenkins"]),
        "RunId": st.sampled_from([RUN, OTHER_RUN, "run-1"]),
        "RunDeadline": st.sampled_from(["2026-11-23T09:10:00Z", "2026-11-24T09:10:00Z", "soon"]),
        "SourceAmi": st.just("ami-0"),
    },
)


@given(
    kind=st.sampled_from(list(Kind)),
    state=st.sampled_from(["", "available", "pending", "failed", "running", "completed"]),
    tags=TAG_VALUES,
    is_alive=st.booleans(),
)
def test_whatever_is_removed_has_every_proof(
    kind: Kind, state: str, tags: dict[str, str], is_alive: bool
) -> None:
    rows = judged(thing(kind, state=state, tags=tags), alive={RUN: 1} if is_alive else {})

    for row in rows:
        if row.is_leftover:
            assert tags["Built-By"] == "packer"
            assert tags["RunDeadline"] == "2026-11-23T09:10:00Z"
            assert tags["RunId"] == OTHER_RUN or (tags["RunId"] == RUN and not is_alive)
            assert kind is not Kind.IMAGE or state == "failed"
        assert row.reason
