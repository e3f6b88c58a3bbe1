"""The commit that an image folder is at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from image_builder.git import Commit, read_commit


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = tmp_path / "images/web"
    image.mkdir(parents=True)
    (image / "a").write_text("a")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return image


def test_a_clean_folder_has_its_commit(image: Path) -> None:
    assert read_commit(image) == Commit(sha=git(image, "rev-parse", "HEAD"), is_dirty=False)


def test_only_the_image_folder_makes_it_dirty(image: Path) -> None:
    (image.parent / "README").write_text("x")
    assert not read_commit(image).is_dirty

    (image / "b").write_text("b")
    assert read_commit(image).is_dirty


def test_outside_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert read_commit(tmp_path) == Commit(sha="", is_dirty=False)


def test_before_the_first_commit_there_is_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert read_commit(tmp_path) == Commit()


def test_without_git_there_is_no_commit(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert read_commit(image) == Commit()
