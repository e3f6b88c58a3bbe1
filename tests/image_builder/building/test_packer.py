"""How Packer is started, and how its failures are told."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from image_builder.building.packer import (
    OLDEST_VERSION,
    Ended,
    Packer,
    failure_message,
    packer_environment,
    packer_version,
    succeeded,
)
from image_builder.building.progress import Failure
from image_builder.building.run_folder import RunFolder, make_run_folder
from image_builder.errors import PackerError
from tools.fresh_machine.machine import PACKER_RANGE


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = make_run_folder(tmp_path, "20260101T000000-12345678")
    run.template.mkdir()
    return run


def stand_in(folder: Path, script: str) -> dict[str, str]:
    """An environment whose packer is *script*."""
    packer = folder / "bin/packer"
    packer.parent.mkdir()
    packer.write_text(f"#!/bin/sh\n{script}\n")
    packer.chmod(0o755)
    return {"PATH": f"{packer.parent}:/usr/bin:/bin"}


def ended(**changes: object) -> Ended:
    failure = Failure(provisioner="", exit_code=None, cause="", last_lines=())
    values = {
        "command": "build",
        "exit_code": 1,
        "is_late": False,
        "is_hopeless": "",
        "was_killed": False,
        "failure": failure,
    }
    return Ended(**{**values, **changes})  # type: ignore[arg-type]


def test_packer_runs_in_the_images_region_with_our_environment() -> None:
    environment = packer_environment(
        "eu-west-1", {"PKR_VAR_key": "k", "AWS_REGION": "us-east-1", "PULUMI_CONFIG_PASSPHRASE": "p"}
    )

    assert environment == {
        "PKR_VAR_key": "k",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "CHECKPOINT_DISABLE": "1",
        "PACKER_NO_COLOR": "1",
    }


@pytest.mark.parametrize("version", ["1.5.6", "1.10.3"])
def test_an_old_one_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(PackerError, match=rf"is Packer {version} · Packer 1\.11 or newer was expected"):
        packer_version(stand_in(tmp_path, f"echo Packer v{version}"))


def test_the_set_up_takes_what_a_build_takes() -> None:
    assert PACKER_RANGE[0][:2] == OLDEST_VERSION


def test_its_version_is_read(tmp_path: Path) -> None:
    assert packer_version(stand_in(tmp_path, "echo Packer v1.15.0")) == "1.15.0"


def test_a_packer_that_is_missing_or_another_program_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PackerError, match="packer is not on PATH"):
        packer_version({"PATH": str(tmp_path)})
    # Some distributions have cracklib's program of this name (Packer's documentation, Install).
    with pytest.raises(PackerError, match="answers 'skipping line: 1"):
        packer_version(stand_in(tmp_path, "echo skipping line: 1"))


def test_it_runs_in_the_copy_with_the_runs_variables_and_never_with_force(
    tmp_path: Path, run: RunFolder
) -> None:
    environment = stand_in(tmp_path, 'echo "$PWD: $*"')
    packer = Packer(run=run, environment=environment, deadline=time.monotonic() + 60, show=print)

    results = [packer.init(), packer.validate(), packer.build()]

    assert all(map(succeeded, results))
    assert run.log.read_text().splitlines() == [
        f"{run.template}: init .",
        f"{run.template}: validate -var-file={run.variables} .",
        f"{run.template}: build -color=false -on-error=cleanup -var-file={run.variables} .",
    ]


def test_its_steps_are_shown_with_the_time_and_each_runs_failure_is_its_own(
    tmp_path: Path, run: RunFolder
) -> None:
    environment = stand_in(tmp_path, 'echo "==> amazon-ebs.web: Doing $1"; echo "Error: $1" >&2; exit 3')
    shown: list[str] = []
    packer = Packer(run=run, environment=environment, deadline=time.monotonic() + 60, show=shown.append)

    results = [packer.init(), packer.build()]

    assert [result.exit_code for result in results] == [3, 3]
    assert [result.failure.last_lines for result in results] == [("Error: init",), ("Error: build",)]
    assert [line.partition(" ")[2] for line in shown] == [
        "packer init",
        "Doing init",
        "packer build",
        "Doing build",
    ]


def test_at_the_deadline_it_is_interrupted_and_after_the_grace_period_killed(
    tmp_path: Path, run: RunFolder
) -> None:
    environment = stand_in(tmp_path, "trap '' INT; while :; do sleep 0.1; done")
    packer = Packer(
        run=run,
        environment=environment,
        deadline=time.monotonic() + 0.5,
        show=print,
        grace_seconds=0.5,
    )

    result = packer.build()

    assert (result.is_late, result.was_killed) == (True, True)
    assert not succeeded(result)


def test_a_failure_names_provisioner_exit_code_last_lines_and_log(run: RunFolder) -> None:
    failure = Failure(provisioner="shell", exit_code=100, cause="Script exited", last_lines=("a", "b"))

    assert failure_message(ended(failure=failure), run=run, minutes=60) == (
        "packer build exited 1 at provisioner 'shell' (its script exited 100): Script exited · "
        f"last lines: a | b · full log: {run.log}"
    )


def test_a_build_that_could_not_clean_up_says_what_to_look_for(run: RunFolder) -> None:
    message = failure_message(ended(is_late=True, was_killed=True), run=run, minutes=60)

    assert message.startswith("packer build was stopped after 60 min (build_timeout_minutes) · it was killed")
    assert "reap --run 20260101T000000-12345678" in message


def test_a_silent_packer_makes_us_ask_why(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_builder.building.packer._SILENCE_SECONDS", 0.5)
    asked: list[float] = []

    def ask() -> str:
        asked.append(time.monotonic())
        return ""

    packer = Packer(
        run=run,
        environment=stand_in(tmp_path, "sleep 3"),
        deadline=time.monotonic() + 60,
        show=lambda _: None,
        when_silent=ask,
    )

    packer.init()

    assert 1 < len(asked) < 6


def test_a_hopeless_packer_is_stopped_without_waiting_for_its_clean_up(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_builder.building.packer._SILENCE_SECONDS", 0.5)
    packer = Packer(
        run=run,
        environment=stand_in(tmp_path, "trap '' INT; while :; do sleep 1; done"),
        deadline=time.monotonic() + 600,
        show=lambda _: None,
        when_silent=lambda: "the credentials have expired",
    )
    began = time.monotonic()

    ended = packer.init()

    assert time.monotonic() - began < 60
    assert (ended.is_hopeless, ended.was_killed) == ("the credentials have expired", True)
    message = failure_message(ended, run=run, minutes=60)
    assert message.startswith("packer init was stopped: the credentials have expired · it was killed before ")


def test_relative_paths_still_mean_the_folder_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"PACKER_PLUGIN_PATH": "plugins:/opt/plugins", "AWS_CONFIG_FILE": "~/aws", "PKR_VAR_path": "a/b"}

    environment = packer_environment("us-east-1", given)

    assert environment["PACKER_PLUGIN_PATH"] == f"{tmp_path}/plugins:/opt/plugins"
    assert environment["AWS_CONFIG_FILE"] == "~/aws"
    assert environment["PKR_VAR_path"] == "a/b"
