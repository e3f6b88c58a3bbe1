"""What is built on what."""

from __future__ import annotations

from image_builder.ami import Ami
from image_builder.registry.ancestry import ancestors, descendants


def ami(name: str, base: str = "") -> Ami:
    return Ami(
        ami_id=name,
        name=name,
        owner_id="1",
        state="available",
        state_reason="",
        architecture="x86_64",
        created_at="",
        source_ami_id="",
        tags={"SourceAmi": base} if base else {},
        snapshot_ids=(),
    )


FAMILY = {one.ami_id: one for one in (ami("debian"), ami("hardened", "debian"), ami("web", "hardened"))}


def test_an_image_is_followed_up_to_what_is_built_on_nothing() -> None:
    assert [one.ami_id for one in ancestors(FAMILY["web"], FAMILY.get)] == ["hardened", "debian"]


def test_an_ancestor_out_of_sight_is_named_and_ends_the_search() -> None:
    (only,) = ancestors(ami("web", "gone"), FAMILY.get)

    assert (only.ami_id, only.ami) == ("gone", None)


def test_what_is_built_on_an_image_follows_it_generation_by_generation() -> None:
    family = [*FAMILY.values(), ami("api", "debian")]

    told = [(one.ami.ami_id, one.generation) for one in descendants("debian", family)]

    assert told == [("hardened", 1), ("web", 2), ("api", 1)]


def test_images_that_name_each_other_as_their_base_are_told_once() -> None:
    circle = {one.ami_id: one for one in (ami("a", "b"), ami("b", "a"))}

    assert [one.ami_id for one in ancestors(circle["a"], circle.get)] == ["b"]
    assert [one.ami.ami_id for one in descendants("a", circle.values())] == ["b"]
