"""`python -m image_builder lock`, and what preview says of a newer base."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.amis import Amis
from image_builder.bases.base_image import LOCK_FILE, BaseImageLock, LockedImage, Query, read_lock
from image_builder.bases.known_base import news_of_bases, require_base_images
from image_builder.commands.common import Exit
from image_builder.errors import AmiError
from tests.image_builder.emulated_ec2 import BASE_IMAGE, REGION, EmulatedEc2
from tests.image_builder.templates import write_image

OLD = LockedImage(
    ami_id="ami-0000000000000001d", name="base-0", owner_id="1", created_at="2020-01-01T00:00:00Z"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder whose lock names an old base image of our own."""
    query = Query(owners=("self",), filters={"name": "base-*"})
    lock = BaseImageLock(found_by={"x86_64": query}, images={REGION: {"x86_64": OLD}})
    write_image(tmp_path)
    (tmp_path / LOCK_FILE).write_text(lock.to_text())
    return tmp_path


def locked(folder: Path, region: str = REGION) -> LockedImage:
    """What the folder is locked to."""
    lock = read_lock(folder)
    assert lock is not None
    return lock.images[region]["x86_64"]


def test_a_check_tells_of_a_newer_base_with_its_age_and_writes_nothing(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = ec2.image_of_an_instance("base-1")

    assert main(["lock", "--folder", str(folder), "--check"]) == Exit.FOUND

    printed = capsys.readouterr().out
    assert newer in printed
    assert "days ago" in printed
    assert locked(folder) == OLD


def test_the_newest_base_is_locked_and_then_there_is_nothing_newer(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = ec2.image_of_an_instance("base-1")

    assert main(["lock", "--folder", str(folder)]) == Exit.DONE
    assert locked(folder).ami_id == newer
    assert main(["lock", "--folder", str(folder), "--check"]) == Exit.DONE
    assert "no newer base image" in capsys.readouterr().out


def test_a_region_that_is_named_is_added(ec2: EmulatedEc2, folder: Path) -> None:
    there = ec2.image_of_an_instance("base-1", region="eu-west-1")

    assert main(["lock", "--folder", str(folder), "--region", "eu-west-1"]) == Exit.DONE

    assert locked(folder, "eu-west-1").ami_id == there
    assert locked(folder) == OLD


def test_json_has_each_base_with_what_is_newest(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = ec2.image_of_an_instance("base-1")

    main(["lock", "--folder", str(folder), "--check", "--json"])

    (row,) = json.loads(capsys.readouterr().out)
    assert (row["region"], row["architecture"], row["is_to_be_locked"]) == (REGION, "x86_64", True)
    assert (row["locked"]["ami_id"], row["newest"]["ami_id"]) == (OLD.ami_id, newer)


def test_a_folder_without_a_lock_and_a_query_that_finds_nothing_are_one_line_each(
    ec2: EmulatedEc2, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ec2.endpoint_url
    assert main(["lock", "--folder", str(tmp_path / "nowhere")]) == Exit.FAILED
    assert main(["lock", "--folder", str(folder)]) == Exit.FAILED

    first, second = capsys.readouterr().err.splitlines()
    assert "has no base-image.lock.json" in first
    assert f"{REGION} has no x86_64 image of self that is called base-*" in second


def test_a_revoked_base_gives_way_to_an_older_one(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = ec2.image_of_an_instance("base-1")
    newer = LockedImage(
        ami_id=ec2.register("base-2", Revoked="CVE-1"),
        name="base-2",
        owner_id="1",
        created_at="2999-01-01T00:00:00Z",
    )
    lock = read_lock(folder)
    assert lock is not None
    (folder / LOCK_FILE).write_text(lock.with_image(REGION, "x86_64", newer).to_text())

    assert main(["lock", "--folder", str(folder), "--check"]) == Exit.FOUND
    assert f"{newer.ami_id} is Revoked: CVE-1" in capsys.readouterr().out
    assert main(["lock", "--folder", str(folder)]) == Exit.DONE

    assert locked(folder).ami_id == older


def test_preview_mentions_a_newer_base(ec2: EmulatedEc2, amis: Amis, folder: Path) -> None:
    assert news_of_bases(amis, folder, datetime.now(UTC)) == ""

    ec2.image_of_an_instance("base-1")

    line = news_of_bases(amis, folder, datetime.now(UTC))
    assert line.startswith("newer base image base-1 (made ")
    assert "locked: base-0" in line
    assert "python -m image_builder lock" in line


def test_preview_says_that_the_base_is_to_be_revoked(ec2: EmulatedEc2, amis: Amis, folder: Path) -> None:
    base = ec2.register("base-1", Revoked="2999-01-01T00:00:00Z by alice: end of life")
    (folder / LOCK_FILE).write_text((folder / LOCK_FILE).read_text().replace(OLD.ami_id, base))

    line = news_of_bases(amis, folder, datetime.now(UTC))

    assert f"base image {base} (base-0) is to be Revoked 2999-01-01T00:00:00Z by alice: end of life" in line


def test_nothing_is_built_on_a_base_that_is_gone_or_revoked(
    ec2: EmulatedEc2, amis: Amis, folder: Path
) -> None:
    with pytest.raises(AmiError, match=f"{OLD.ami_id}.* does not exist in {REGION}"):
        require_base_images(amis, folder)

    revoked = ec2.register("base-1", Revoked="CVE-1")
    lock = read_lock(folder)
    assert lock is not None
    text = lock.to_text().replace(OLD.ami_id, revoked)
    (folder / LOCK_FILE).write_text(text)
    with pytest.raises(AmiError, match="is Revoked: CVE-1"):
        require_base_images(amis, folder)

    (folder / LOCK_FILE).write_text(text.replace(revoked, BASE_IMAGE))
    require_base_images(amis, folder)

    value = "2026-11-01T00:00:00Z by alice: CVE-2"
    ec2.client().create_tags(Resources=[BASE_IMAGE], Tags=[{"Key": "Revoked", "Value": value}])
    (folder / LOCK_FILE).unlink()
    with pytest.raises(AmiError, match=f"source_ami {BASE_IMAGE} is Revoked {value}"):
        require_base_images(amis, folder)
