"""The list of installed packages: read, recorded in tags, compared."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_builder.building.packages import (
    KEY,
    compare_packages,
    from_tags,
    not_recorded,
    read_list,
    to_tags,
)
from image_builder.errors import RecordError
from image_builder.registry.numbered_tags import CHARACTERS_PER_TAG, MOST_TAGS

WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)


@given(st.dictionaries(WORDS, WORDS, max_size=40))
def test_what_is_recorded_is_read_again(packages: dict[str, str]) -> None:
    tags = to_tags(packages, room=MOST_TAGS)

    assert all(len(value) <= CHARACTERS_PER_TAG for value in tags.values())
    assert from_tags({**tags, "Name": "web", "FileDigests:01": "x"}) == packages


def debian_packages(count: int) -> dict[str, str]:
    """As many packages, named and versioned as varied as Debian's are."""
    chance = random.Random(count)
    syllables = ["lib", "python3-", "perl", "gnu", "ssl", "sys", "net", "util", "core", "common", "data", "x"]
    return {
        f"{''.join(chance.choices(syllables, k=3))}{chance.randrange(10_000)}": (
            f"{chance.randrange(10)}.{chance.randrange(40)}.{chance.randrange(20)}-{chance.randrange(9)}+deb12u"
            f"{chance.randrange(9)}"
        )
        for _ in range(count)
    }


def test_the_packages_of_a_debian_machine_fit_beside_the_digests() -> None:
    packages = debian_packages(400)

    assert from_tags(to_tags(packages, room=MOST_TAGS - 4)) == packages


def test_too_many_packages_are_not_recorded_and_their_number_is_said() -> None:
    tags = to_tags(debian_packages(3000), room=20)

    assert tags == {KEY: "not recorded: 3000 packages are too many for 20 tags"}
    with pytest.raises(RecordError, match="3000 packages are too many"):
        from_tags(tags)


def test_an_image_without_a_list_says_so() -> None:
    with pytest.raises(RecordError, match=r"^package list not recorded$"):
        from_tags({"Name": "web", "FileDigests:01": "x"})


def test_a_reason_fits_into_its_tag() -> None:
    assert [len(value) for value in not_recorded("x" * 1000).values()] == [CHARACTERS_PER_TAG]


def test_a_list_is_read_in_any_order_with_every_version_of_a_package(tmp_path: Path) -> None:
    file = tmp_path / "packages.txt"
    file.write_text("zlib1g\t1:1.2.13\n\nkernel 6.2\nkernel 6.1\n")

    assert read_list(file) == {"kernel": "6.1 6.2", "zlib1g": "1:1.2.13"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the template downloads no package_list"),
        (b"", "names no package"),
        (b"\xff\xfe bash", "cannot be read"),
        (b"bash 5.2\nzsh\n", "line 2 of packages.txt is 'zsh' · name and version were expected"),
        (b"a 1\n" * 600_000, "longer than 2,000,000 bytes"),
    ],
)
def test_a_list_that_is_none_is_refused_with_the_reason(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "packages.txt"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(RecordError, match=f"^not recorded: .*{reason}"):
        read_list(file)


def test_only_what_differs_is_told() -> None:
    changes = compare_packages({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"})

    assert [(one.name, one.line) for one in changes.changes] == [
        ("b", "1 → 2"),
        ("c", "removed 1"),
        ("d", "added 1"),
    ]
    assert compare_packages({"a": "1"}, {"a": "1"}).rows() == [("nothing", "")]
