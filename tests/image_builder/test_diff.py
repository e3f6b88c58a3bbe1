"""`diff`, against an emulated EC2 and a repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from tests.image_builder.checkout.test_git import commit, git
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.recorded_images import bare_image, image_of
from tests.image_builder.templates import write_image


@pytest.fixture
def folder(project: Path) -> Path:
    git(project, "init", "--quiet")
    return write_image(project / "images/tiny")


def test_files_commits_and_bases_that_differ_are_told(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = commit(folder, "first"), commit(folder, "Serve faster")
    old = image_of(ec2, folder, GitCommit=first, SourceAmi="ami-00000000000000001")
    (folder / "app/server.py").write_text("print('fast')\n")
    new = image_of(ec2, folder, GitCommit=second)

    assert main(["diff", old, new, "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [{"path": "app/server.py", "change": "changed"}]
    assert told["commits"] == [{"sha": second, "subject": "Serve faster"}]
    assert (told["commits_only_in_old"], told["hindrance"], told["commits_hindrance"]) == ([], "", "")
    assert told["is_base_changed"]
    assert (told["old"]["base"], told["new"]["base"]) == ("ami-00000000000000001", BASE_IMAGE)

    assert main(["diff", old, new]) == Exit.DONE

    printed = capsys.readouterr().out
    assert "base, from and to\n  ami-00000000000000001  out of sight\n" in printed
    assert "files\n  app/server.py  changed\npackages\n" in printed
    assert printed.endswith(f"commits\n  {second[:7]}  Serve faster\n")


def test_packages_that_came_went_or_changed_are_told_with_their_versions(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = image_of(ec2, folder, installed={"bash": "5.2", "gunicorn": "20.1.0-6", "telnet": "0.17"})
    new = image_of(ec2, folder, installed={"bash": "5.2", "gunicorn": "20.1.0-7", "python3-click": "8.1"})

    assert main(["diff", old, new, "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert told["packages"] == [
        {"name": "gunicorn", "old": "20.1.0-6", "new": "20.1.0-7", "change": "changed"},
        {"name": "python3-click", "old": "", "new": "8.1", "change": "added"},
        {"name": "telnet", "old": "0.17", "new": "", "change": "removed"},
    ]
    assert told["packages_hindrance"] == ""

    assert main(["diff", old, new]) == Exit.DONE

    printed = capsys.readouterr().out
    assert "files\n  nothing\n" in printed
    section = printed.split("packages\n")[1].splitlines()[:3]
    assert section == [
        "  gunicorn       20.1.0-6 → 20.1.0-7",
        "  python3-click  added 8.1",
        "  telnet         removed 0.17",
    ]


def test_an_image_of_before_package_lists_were_is_named(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = image_of(ec2, folder), image_of(ec2, folder, installed={"bash": "5.2"})

    assert main(["diff", old, new]) == Exit.DONE

    printed = capsys.readouterr().out
    assert f"packages\n  {old}: package list not recorded\n" in printed
    assert "files\n  nothing\n" in printed


def test_on_the_way_back_the_commits_that_go_are_told(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = commit(folder, "first"), commit(folder, "Serve faster")
    new = image_of(ec2, folder, GitCommit=second)
    (folder / "app/server.py").write_text("print('slow')\n")
    old = image_of(ec2, folder, GitCommit=first)

    assert main(["diff", new, old]) == Exit.DONE

    assert f"commits\n  {second[:7]}  (no longer) Serve faster\n" in capsys.readouterr().out


def test_what_is_not_known_is_said_with_the_reason(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = image_of(ec2, folder, GitCommit=commit(folder, "first"))
    bare = bare_image(ec2, "old", {"Built-By": "packer", "GitCommit": "4e5f6a7b8c9d"})

    assert main(["diff", bare, known]) == Exit.DONE

    printed = capsys.readouterr().out
    assert f"files\n  {bare}: not recorded: " in printed
    assert "commits\n  not known: 4e5f6a7 and " in printed
    assert "base, from and to\n  not recorded\n" in printed
