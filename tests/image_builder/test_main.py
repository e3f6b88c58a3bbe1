"""The command line as a whole."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from image_builder.__main__ import COMMANDS, main
from image_builder.commands.common import EXIT_CODES, Exit, print_table
from tests.image_builder.emulated_ec2 import EmulatedEc2

PROJECT = Path(__file__).resolve().parents[2]
HELP_CPU_SECONDS = 0.5


def test_every_command_has_help_with_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])

        printed = capsys.readouterr().out
        assert ended.value.code == Exit.DONE
        assert f"python -m image_builder {name}" in printed.split("examples:")[1]
        assert EXIT_CODES in printed
        assert all(option in printed for option in ("--region", "--profile", "--json"))


def test_help_loads_neither_pulumi_nor_an_aws_client_and_is_there_at_once() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from image_builder.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join({'pulumi', 'boto3', 'botocore', 'rich', 'hcl2'} & set(sys.modules)) or 0)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert result.returncode == 0, result.stderr
    assert "reap" in result.stdout
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert cpu_seconds < HELP_CPU_SECONDS


def test_no_command_needs_pulumi() -> None:
    """A person who cleans up need not be able to deploy."""
    script = (
        "import sys; sys.modules['pulumi'] = None\n"
        "import image_builder.__main__, image_builder.building.living_runs, image_builder.leftovers.reap\n"
        "import image_builder.telling.explaining\n"
    )

    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=True, timeout=60)


def test_a_wrong_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reap", "--run", "yesterday's"])

    assert ended.value.code == Exit.USAGE
    assert "the value of a RunId tag was expected" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["reap", "--older-than", "-1"])
    assert "a number of minutes from 0 was expected" in capsys.readouterr().err


def test_an_aws_that_cannot_be_asked_is_one_line(
    ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ec2.endpoint_url
    assert main(["reap", "--profile", "nobody"]) == Exit.FAILED
    assert capsys.readouterr().err == (
        "AWS could not be asked: The config profile (nobody) could not be found · "
        "check credentials, permissions and region\n"
    )

    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert main(["reap"]) == Exit.FAILED
    assert capsys.readouterr().err.count("\n") == 1


def test_an_empty_account_has_nothing_to_remove(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    assert ec2.endpoint_url
    assert main(["reap"]) == Exit.DONE
    assert capsys.readouterr().out == "us-east-1: 0 to remove, 0 to keep\n"

    assert main(["reap", "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == []


def test_a_reader_that_has_read_enough_is_no_traceback(ec2: EmulatedEc2) -> None:
    result = subprocess.run(
        f"{sys.executable} -m image_builder reap --json | true",
        shell=True,
        cwd=PROJECT,
        env={**os.environ, **ec2.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert result.stderr == ""


@pytest.mark.parametrize(("columns", "is_drawn"), [("60", True), ("30", False)])
def test_a_table_is_drawn_on_a_terminal_that_has_room_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str, is_drawn: bool
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    print_table(("What", "Why"), [("i-0123456789abcdef0", "[red] is no colour here")])

    printed = capsys.readouterr().out
    assert "[red] is no colour here" in printed
    assert "i-0123456789abcdef0" in printed
    assert ("┏" in printed) == is_drawn


def test_a_table_that_goes_into_a_pipe_has_one_plain_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("What", "Why"), [("instance", "w" * 300), ("key pair", "")])

    assert capsys.readouterr().out.splitlines() == [
        "What      Why",
        "instance  " + "w" * 300,
        "key pair",
    ]
