"""The record of an image's files in tags."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_builder.building.file_digests import KEY, from_tags, recorded, to_tags
from image_builder.errors import RecordError
from image_builder.registry.numbered_tags import CHARACTERS_PER_TAG, MOST_TAGS

PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
DIGESTS = st.builds(
    lambda kind, digest: f"{kind}:{digest.hex()}",
    st.sampled_from(["file", "executable", "link"]),
    st.binary(min_size=32, max_size=32),
)
FILES = st.dictionaries(PATHS, DIGESTS, max_size=30)
VARIABLES = st.dictionaries(
    PATHS, st.none() | st.text() | st.integers() | st.lists(st.booleans()), max_size=5
)


@given(FILES, VARIABLES)
def test_what_is_recorded_is_read_again(files: dict[str, str], variables: dict[str, object]) -> None:
    record = recorded(files, variables)

    assert from_tags({**to_tags(record), "Name": "web"}) == record


@given(FILES, VARIABLES)
def test_every_tag_is_one_that_a_snapshot_takes(files: dict[str, str], variables: dict[str, object]) -> None:
    tags = to_tags(recorded(files, variables))

    assert 1 <= len(tags) <= MOST_TAGS
    assert all(len(value) <= CHARACTERS_PER_TAG for value in tags.values())


@given(FILES, st.data())
def test_a_damaged_record_is_never_taken_for_a_whole_one(files: dict[str, str], data: st.DataObject) -> None:
    record = recorded(files, {})
    tags = to_tags(record)
    key = data.draw(st.sampled_from(sorted(tags)))
    damage = data.draw(st.text(max_size=CHARACTERS_PER_TAG).filter(lambda text: text != tags[key]))

    try:
        read = from_tags({**tags, key: damage})
    except RecordError:
        return
    assert read == record


def files(count: int) -> dict[str, str]:
    """As many files, with digests as they are."""
    return {
        f"app/module_{number}.py": f"file:{hashlib.sha256(str(number).encode()).hexdigest()}"
        for number in range(count)
    }


@pytest.mark.parametrize(("which", "reason"), [(0, "is missing"), (1, "is missing"), (-1, "cannot be read")])
def test_a_record_that_lacks_a_tag_is_not_read(which: int, reason: str) -> None:
    tags = to_tags(recorded(files(60), {}))
    del tags[sorted(tags)[which]]

    with pytest.raises(RecordError, match=reason):
        from_tags(tags)


def test_three_hundred_files_fit() -> None:
    record = recorded(files(300), {})

    assert from_tags(to_tags(record)) == record


def test_too_many_files_are_not_recorded_and_their_number_is_said() -> None:
    tags = to_tags(recorded(files(5000), {}))

    assert tags == {KEY: "not recorded: 5000 files are too many for tags"}
    with pytest.raises(RecordError, match="5000 files are too many"):
        from_tags(tags)


def test_an_image_without_a_record_says_so() -> None:
    with pytest.raises(RecordError, match=r"^not recorded"):
        from_tags({"Name": "web"})
