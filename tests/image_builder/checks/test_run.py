"""How checks are run and what is told of them, without a machine: the same pytest, another `host`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import paramiko
import pytest

from image_builder.checks.report import Check, Outcome, read_report
from image_builder.checks.run import forget_environment, last_words, read_image

PROJECT = Path(__file__).resolve().parents[3]
CHECKS = """
import pytest

def test_good(host): assert host.name == "here"
def test_bad(host): assert host.name == "there", "it is elsewhere"
def test_raises(host): {}["ami"]
def test_unanswered(host): raise TimeoutError("no answer")
def test_elsewhere(): pytest.skip("not here")

@pytest.fixture
def broken(): raise ValueError("a fixture")

def test_without(broken): pass
"""
FACTS = (
    '{"ami_id": "ami-1", "ami_name": "web-1", "family": "web", "fingerprint": "1", '
    '"git_commit": "", "region": "us-east-1"}'
)


# In a process of its own, as it is done: Python keeps a module that it has read.
RUN = """
import sys
from pathlib import Path
from types import SimpleNamespace
import pytest
from image_builder.checks.run import forget_environment, run_checks

class Here:
    @pytest.fixture
    def host(self): return SimpleNamespace(name="here")

folder = Path(sys.argv[1])
forget_environment(folder)
run_checks(Here(), [folder / "nothing", folder / "all", folder / "verify"], folder / "report.json")
"""


def run(folder: Path, checks: str) -> str:
    """What a run of *checks* in *folder* prints."""
    (folder / "verify").mkdir(exist_ok=True)
    (folder / "verify/test_it.py").write_text(checks)
    command = [sys.executable, "-c", RUN, str(folder)]
    return subprocess.run(
        command, env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def checks_of(folder: Path) -> dict[str, Check]:
    """What the run reported, by name."""
    report = read_report(folder / "report.json")
    assert report is not None
    return {check.name.removeprefix("test_it.py::"): check for check in report.checks}


def test_only_what_a_check_itself_finds_speaks_against_the_image(tmp_path: Path) -> None:
    run(tmp_path, CHECKS)

    assert {name: check.outcome for name, check in checks_of(tmp_path).items()} == {
        "test_good": Outcome.PASSED,
        "test_bad": Outcome.FAILED,
        "test_raises": Outcome.FAILED,
        "test_unanswered": Outcome.UNDECIDED,
        "test_elsewhere": Outcome.SKIPPED,
        "test_without": Outcome.UNDECIDED,
    }


def test_each_check_is_a_line_and_a_failure_is_told_in_its_own_words(tmp_path: Path) -> None:
    printed = run(tmp_path, CHECKS)

    assert checks_of(tmp_path)["test_bad"].output[0] == "AssertionError: it is elsewhere"
    assert "\npassed: test_it.py::test_good\n" in f"\n{printed}"
    assert "\nfailed: test_it.py::test_bad\n" in printed
    assert "6 checks in " in printed


def test_checks_that_cannot_be_read_leave_the_image_undecided(tmp_path: Path) -> None:
    run(tmp_path, "this is no Python\n")

    assert checks_of(tmp_path)["test_it.py"].outcome is Outcome.UNDECIDED


def test_a_run_that_is_interrupted_reports_nothing(tmp_path: Path) -> None:
    run(tmp_path, "def test_bad(): assert False\ndef test_long(): raise KeyboardInterrupt\n")

    assert read_report(tmp_path / "report.json") is None


def test_an_image_can_leave_out_a_check_that_every_image_gets(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all/test_all.py").write_text("def test_one(): assert False\ndef test_two(): pass\n")
    (tmp_path / "verify").mkdir()
    (tmp_path / "verify/conftest.py").write_text(
        "def pytest_collection_modifyitems(items):\n"
        "    items[:] = [item for item in items if item.name != 'test_one']\n"
    )

    run(tmp_path, "def test_it(): pass\n")

    assert checks_of(tmp_path).keys() == {"test_all.py::test_two", "test_it"}


def test_checks_leave_nothing_beside_themselves(tmp_path: Path) -> None:
    run(tmp_path, CHECKS)

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["report.json", "test_it.py", "verify"]


def test_checks_see_neither_credentials_nor_this_users_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "x", "SSH_AUTH_SOCK": "y"})
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    forget_environment(tmp_path)

    assert os.environ.keys() == {
        "PATH",
        "HOME",
        "PYTHONDONTWRITEBYTECODE",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
    }
    assert os.environ["HOME"] == str(tmp_path)


def test_checks_are_told_the_image_and_whose_login_is_this_runs(tmp_path: Path) -> None:
    (tmp_path / "image.json").write_text(FACTS)
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(tmp_path / "key"))

    image = read_image(tmp_path / "image.json", tmp_path / "key")

    assert (image.ami_id, image.git_commit) == ("ami-1", "")
    assert image.login_key == f"ecdsa-sha2-nistp256 {key.get_base64()}"


def test_last_words_are_what_pytest_found_and_not_the_source_around_it() -> None:
    text = (
        "def test_x():\n>   assert f() == 2\nE   assert 1 == 2\nE    +  where 1 = f()\n\ntest_x.py:2: Error"
    )

    assert last_words(text) == ["assert 1 == 2", "+  where 1 = f()"]
    assert last_words("no such file") == ["no such file"]
