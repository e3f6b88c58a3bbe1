"""How leftovers are removed."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from image_builder.leftovers.reap import remove_leftovers
from image_builder.leftovers.reaping import Row
from image_builder.leftovers.temporaries import Kind, Temporaries, Temporary


class Scripted(Temporaries):
    """Removes what it is told to, and refuses what it must."""

    def __init__(self, *, refused: frozenset[str] = frozenset(), slow: frozenset[str] = frozenset()) -> None:
        self.region = "us-east-1"
        self.did: list[str] = []
        self._refused = refused
        self._slow = slow

    def remove(self, thing: Temporary) -> None:
        if thing.resource_id in self._refused:
            raise ClientError({"Error": {"Code": "DependencyViolation"}}, "Delete")
        self.did.append(thing.resource_id)

    def wait_until_terminated(self, instance_ids: Any, *, deadline: float) -> set[str]:
        assert deadline > time.monotonic()
        self.did.append("wait")
        return set(instance_ids) & self._slow


def row(kind: Kind, name: str, *, is_leftover: bool = True) -> Row:
    return Row(thing=Temporary(kind=kind, resource_id=name), is_leftover=is_leftover, reason="because")


ROWS = [
    row(Kind.SNAPSHOT, "snap-1"),
    row(Kind.SECURITY_GROUP, "sg-1"),
    row(Kind.INSTANCE, "i-1"),
    row(Kind.INSTANCE, "i-2"),
    row(Kind.IMAGE, "ami-1"),
    row(Kind.INSTANCE, "i-3", is_leftover=False),
]


def test_instances_are_gone_before_their_groups_and_images_before_their_snapshots() -> None:
    temporaries = Scripted()

    results = list(remove_leftovers(ROWS, temporaries))

    assert temporaries.did == ["i-1", "i-2", "wait", "sg-1", "ami-1", "snap-1"]
    assert {row.thing.resource_id: failure for row, failure in results} == dict.fromkeys(
        ["i-1", "i-2", "sg-1", "ami-1", "snap-1"], ""
    )


def test_one_that_cannot_be_removed_does_not_stop_the_others() -> None:
    temporaries = Scripted(refused=frozenset({"i-1", "sg-1"}), slow=frozenset({"i-2"}))

    results = remove_leftovers(ROWS, temporaries, seconds_to_terminate=60)

    assert {row.thing.resource_id: failure for row, failure in results} == {
        "i-1": "DependencyViolation at Delete",
        "i-2": "still not terminated after 60 s · run it again",
        "sg-1": "DependencyViolation at Delete",
        "ami-1": "",
        "snap-1": "",
    }
