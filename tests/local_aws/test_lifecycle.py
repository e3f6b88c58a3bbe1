"""Which folder is a local AWS's own, and what of it is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws import lifecycle
from local_aws.home import LocalAwsError


def files_in(folder: Path) -> list[str]:
    """What is in *folder*."""
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_with_other_things_in_it_is_not_used(tmp_path: Path) -> None:
    for name in ("Makefile", "README.md", "machines", "settings", "tests"):
        (tmp_path / name).mkdir()

    with pytest.raises(LocalAwsError, match=r"holds Makefile, README.md, settings … · an empty folder"):
        lifecycle.start(lifecycle.Wishes(folder=tmp_path), print)

    assert files_in(tmp_path) == ["Makefile", "README.md", "machines", "settings", "tests"]


def test_a_folder_in_which_none_was_started_is_neither_stopped_nor_reset(tmp_path: Path) -> None:
    (tmp_path / "machines").mkdir()

    assert not lifecycle.stop(tmp_path, print)
    lifecycle.reset(tmp_path, print)

    assert files_in(tmp_path) == ["machines"]


def test_a_reset_leaves_what_is_not_its_own_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    for name in ("home.json", ".home.json.x1", "server.lock", "server.log", "amis.json", "notes.txt"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "load_balancing").mkdir()

    lifecycle.reset(tmp_path, said.append)

    assert files_in(tmp_path) == ["notes.txt"]
    assert said == [f"{tmp_path} stays, as it holds what is not the local AWS's own: notes.txt"]


def test_a_reset_removes_a_folder_that_is_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "aws"
    folder.mkdir()
    (folder / "server.lock").touch()

    lifecycle.reset(folder, print)

    assert not folder.exists()
