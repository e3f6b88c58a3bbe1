"""The private folder of a build."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from image_builder.building.run_folder import (
    close_run,
    copy_template,
    dead_runs,
    make_run_folder,
    new_run_id,
    prepare,
    remove_template,
)
from image_builder.errors import ImageFolderError
from image_builder.fingerprint import digest_files
from tests.image_builder.templates import write_image


def test_only_its_owner_may_look_into_it(tmp_path: Path) -> None:
    run = make_run_folder(tmp_path, new_run_id())

    assert run.path.parent == tmp_path / ".packer-runs"
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(run.path.parent.stat().st_mode) == 0o700


def test_packer_gets_exactly_the_files_of_the_fingerprint(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image")
    (image / "app/run").write_text("x")
    (image / "app/run").chmod(0o700)
    (image / "link").symlink_to("app/run")
    (image / "left~").write_text("ignored")
    (image / "empty").mkdir()
    run = make_run_folder(tmp_path, "run")

    copy_template(image, run, digest_files(image))

    assert digest_files(run.template) == digest_files(image)
    assert not (run.template / "left~").exists()
    assert not (run.template / "empty").exists()
    assert stat.S_IMODE((run.template / "app/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((run.template / "app/server.py").stat().st_mode) == 0o644


@pytest.mark.parametrize("edit", ["change", "remove"])
def test_an_edit_after_the_fingerprint_is_refused(tmp_path: Path, edit: str) -> None:
    image = write_image(tmp_path / "image")
    digests = digest_files(image)
    file = image / "app/server.py"
    if edit == "change":
        file.write_text("other")
    else:
        file.unlink()

    with pytest.raises(
        ImageFolderError, match=r"app/server\.py (changed|removed) after the fingerprint was taken"
    ):
        copy_template(image, make_run_folder(tmp_path, "run"), digests)


def test_variables_and_manifest_are_prepared_and_only_the_copy_goes(tmp_path: Path) -> None:
    image = write_image(tmp_path / "image")
    before = digest_files(image)
    run = make_run_folder(tmp_path, "run")
    copy_template(image, run, before)

    prepare(run, {"ami_name": "web-1", "tags": {"a": "b"}})

    assert json.loads(run.variables.read_text()) == {"ami_name": "web-1", "tags": {"a": "b"}}
    assert str(run.manifest) in (run.template / "tiny.pkr.hcl").read_text()
    assert digest_files(image) == before
    remove_template(run)
    assert not run.template.exists()
    assert run.variables.exists()


def test_runs_of_long_ago_go(tmp_path: Path) -> None:
    alive = make_run_folder(tmp_path, "20260101T000000")
    for number in range(1, 60):
        close_run(make_run_folder(tmp_path, f"20260101T{number:06d}"))

    kept = sorted(run.name for run in (tmp_path / ".packer-runs").iterdir())

    assert len(kept) == 51
    assert (kept[0], kept[-1]) == (alive.run_id, "20260101T000059"), "one that is alive stays"


def test_a_run_that_another_process_removes_meanwhile_is_no_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run_folder(tmp_path, "20260101T000001-12345678")
    run.template.mkdir()
    close_run(run)
    run.template.mkdir()

    def removed(path: Path, *_: object) -> int:
        raise FileNotFoundError(path)

    monkeypatch.setattr("image_builder.building.run_folder.os.open", removed)
    with dead_runs(tmp_path, "us-east-1") as found:
        assert found == []


def test_a_run_whose_packer_was_killed_counts_as_dead(tmp_path: Path) -> None:
    clean, killed = (make_run_folder(tmp_path, f"20260101T00000{number}-12345678") for number in (1, 2))
    for run, was_killed in ((clean, False), (killed, True)):
        run.template.mkdir()
        (run.path / "build.json").write_text(json.dumps({"was_killed": was_killed}))

        close_run(run)

    with dead_runs(tmp_path, "us-east-1") as found:
        assert [run.run_id for run in found] == [killed.run_id]
