"""The commit that an image folder is at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from image_builder.checkout.git import Commit, LoggedCommit, read_commit, read_log


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


def test_a_file_that_git_ignores_is_in_the_image_and_in_no_commit(image: Path) -> None:
    (image / ".gitignore").write_text("*.bin\n")
    git(image, "add", ".")
    git(image, "commit", "--quiet", "--message", "two")
    (image / "é.bin").write_text("x")

    assert not read_commit(image, ["a", ".gitignore"]).is_dirty
    assert read_commit(image, ["a", ".gitignore", "é.bin"]).is_dirty


def test_a_repository_of_another_user_is_said_with_the_way_out(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # git's own tests pretend with this that the repository is somebody else's (ensure_valid_ownership).
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    commit = read_commit(image)

    assert commit.sha == ""
    assert "safe.directory" in commit.hindrance


def test_outside_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert read_commit(tmp_path) == Commit(sha="", is_dirty=False)


def test_before_the_first_commit_there_is_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert read_commit(tmp_path) == Commit()


def test_without_git_there_is_no_commit(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert read_commit(image) == Commit()


def commit(image: Path, subject: str) -> str:
    git(image, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(image, "rev-parse", "HEAD")


def test_the_commits_between_two_are_told_newest_first(image: Path) -> None:
    one, two, three = (commit(image, subject) for subject in ("one", "two: a b", "three"))

    assert read_log(image, one, three) == [
        LoggedCommit(sha=three, subject="three"),
        LoggedCommit(sha=two, subject="two: a b"),
    ]
    assert read_log(image, three, one) == []


@pytest.mark.parametrize("sha", ["0" * 40, "--output=x", "HEAD", ""])
def test_between_commits_that_are_not_known_here_there_is_no_telling(image: Path, sha: str) -> None:
    head = git(image, "rev-parse", "HEAD")

    assert read_log(image, sha, head) is None
    assert read_log(image, head, sha) is None
