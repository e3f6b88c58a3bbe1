"""The lock of base images: read, written, compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from image_builder.ami import Ami
from image_builder.bases.base_image import (
    LOCK_FILE,
    BaseImageLock,
    LockedImage,
    Query,
    is_newer,
    newest,
    problem_with_base,
    problem_with_region,
    read_lock,
)
from image_builder.errors import TemplateError

LOCKED = LockedImage(
    ami_id="ami-0a", name="debian-12-1", owner_id="136693071363", created_at="2026-10-01T00:00:00Z"
)
LOCK = BaseImageLock(
    found_by={"x86_64": Query(owners=("136693071363",), filters={"name": "debian-12-*"})},
    images={"us-east-1": {"x86_64": LOCKED}},
)


def ami(ami_id: str, created_at: str, *, state: str = "available", **tags: str) -> Ami:
    """An AMI that may become a base."""
    return Ami(
        ami_id=ami_id,
        name=f"debian-12-{ami_id}",
        owner_id="136693071363",
        state=state,
        state_reason="",
        architecture="x86_64",
        created_at=created_at,
        source_ami_id="",
        tags=tags,
        snapshot_ids=(),
    )


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text(LOCK.to_text())

    assert read_lock(tmp_path) == LOCK


def test_an_image_without_a_lock_has_none_and_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None
    assert problem_with_region(None, "us-east-1") == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"found_by": {"x86_64": 1}, "images": {}}', '{"found_by": {}, "images": []}']
)
def test_a_lock_that_is_none_is_one_line_that_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK_FILE).write_text(text)

    with pytest.raises(TemplateError, match=r"is no lock .* python -m image_builder lock") as refused:
        read_lock(tmp_path)

    assert "\n" not in str(refused.value)


def test_the_newest_that_can_be_used_is_the_one_to_lock() -> None:
    images = [
        ami("ami-1", "2026-10-01T00:00:00Z"),
        ami("ami-2", "2026-11-01T00:00:00Z"),
        ami("ami-3", "2026-11-02T00:00:00Z", state="pending"),
        ami("ami-4", "2026-11-03T00:00:00Z", Revoked="CVE-1"),
    ]

    found = newest(images)

    assert found is not None
    assert found.ami_id == "ami-2"
    assert newest([]) is None


def test_only_a_later_image_is_newer() -> None:
    assert is_newer(replace(LOCKED, ami_id="ami-0b", created_at="2026-10-02T00:00:00Z"), LOCKED)
    assert not is_newer(replace(LOCKED, ami_id="ami-0b", created_at="2026-09-30T00:00:00Z"), LOCKED)
    assert not is_newer(LOCKED, LOCKED)
    assert not is_newer(None, LOCKED)


def test_a_date_without_an_offset_is_in_utc() -> None:
    by_hand = replace(LOCKED, created_at="2026-10-01T12:00:00")

    assert is_newer(replace(LOCKED, ami_id="ami-0b", created_at="2026-10-01T12:00:01Z"), by_hand)
    assert not is_newer(replace(LOCKED, ami_id="ami-0b", created_at="2026-10-01T12:00:00Z"), by_hand)


@pytest.mark.parametrize("content", [b"\xff", None, b'{"found_by": {}, "images": {"r": {"a": %s}}}'])
def test_a_lock_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    image = {"ami_id": "ami-0a", "name": "n", "owner_id": "1", "created_at": "last year"}
    if content is None:
        (tmp_path / "base-image.lock.json").mkdir()
    else:
        filled = content.replace(b"%s", json.dumps(image).encode())
        (tmp_path / "base-image.lock.json").write_bytes(filled)

    with pytest.raises(TemplateError, match=r"base-image\.lock\.json (cannot be read|is no lock)"):
        read_lock(tmp_path)


def test_another_base_changes_one_place_of_the_file() -> None:
    other = replace(LOCKED, ami_id="ami-0b")

    text = LOCK.with_image("eu-west-1", "x86_64", other).to_text()

    assert json.loads(text)["images"] == {
        "eu-west-1": {"x86_64": vars(other)},
        "us-east-1": {"x86_64": vars(LOCKED)},
    }


def test_a_region_without_a_base_names_those_that_have_one() -> None:
    assert problem_with_region(LOCK, "us-east-1") == ""
    assert problem_with_region(LOCK, "eu-west-1") == (
        "base-image.lock.json has no base image for eu-west-1 · it has some for us-east-1 · "
        "run python -m image_builder lock --region eu-west-1"
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "does not exist in us-east-1"),
        (ami("ami-0a", "", Revoked="CVE-1"), "is Revoked: CVE-1"),
        (ami("ami-0a", "", state="failed"), "is failed"),
    ],
)
def test_a_base_that_cannot_be_built_on_is_refused_with_the_reason(found: Ami | None, why: str) -> None:
    assert why in problem_with_base(LOCKED, found, "us-east-1")


def test_a_base_that_is_there_is_no_problem() -> None:
    assert problem_with_base(LOCKED, ami("ami-0a", ""), "us-east-1") == ""
