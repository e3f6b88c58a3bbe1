"""Packer is interrupted, given time to clean up, and gone, however its parent ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from image_builder.building import supervisor

CLEANS_UP = """
import os, signal, sys, time, pathlib
def stop(number, frame):
    os.write(1, b"interrupted\\n")  # print is not reentrant
    time.sleep(0.3)
    pathlib.Path("cleaned").touch()
    sys.exit(1)
signal.signal(signal.SIGINT, stop)
os.write(1, b"ready\\n")
while True:
    time.sleep(0.05)
"""
IGNORES = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
FINISHES = """
import pathlib, sys, time
print("now: Creating it", flush=True)
while not pathlib.Path("go").exists():
    time.sleep(0.05)
print("done", flush=True)
sys.exit(5)
"""
LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str, grace_seconds: float = 30, *more: str) -> subprocess.Popen[bytes]:
        options = ["--log", "log", "--result", "result.json", "--grace-seconds", str(grace_seconds), *more]
        process = subprocess.Popen(
            [sys.executable, supervisor.__file__, *options, "--", sys.executable, "-c", program],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.stdin:
            process.stdin.close()
        for left in [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []:
            left.kill()
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def has_said(folder: Path, word: str) -> bool:
    log = folder / "log"
    return log.exists() and word in log.read_text()


def result(folder: Path) -> Any:
    return json.loads((folder / "result.json").read_text())


def test_a_command_that_ends_gives_its_exit_code_and_output(tmp_path: Path, start: Start) -> None:
    process = start("import sys; print('hello', flush=True); print('oops', file=sys.stderr); sys.exit(7)")

    assert process.wait(30) == 7
    assert (tmp_path / "log").read_text() == "hello\noops\n"
    assert result(tmp_path)["exit_code"] == 7
    assert not result(tmp_path)["was_stopped"]


def test_a_command_that_does_not_exist_is_said(tmp_path: Path) -> None:
    options = ["--log", str(tmp_path / "log"), "--result", str(tmp_path / "result.json")]
    process = subprocess.run(
        [sys.executable, supervisor.__file__, *options, "--", str(tmp_path / "nothing")],
        stdin=subprocess.DEVNULL,
        check=False,
    )

    assert process.returncode == 127
    assert "nothing: No such file or directory" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("how", ["close", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_is_interrupted_and_cleans_up(tmp_path: Path, start: Start, how: Any) -> None:
    process = start(CLEANS_UP)
    wait_for(lambda: has_said(tmp_path, "ready"))

    if how == "close":
        assert process.stdin is not None
        process.stdin.close()
    else:
        process.send_signal(how)

    assert process.wait(30) == 1
    assert (tmp_path / "cleaned").exists()
    assert (tmp_path / "log").read_text().count("interrupted") == 1
    assert result(tmp_path)["was_stopped"]
    assert not result(tmp_path)["was_killed"]


def test_a_command_is_interrupted_when_the_parent_is_killed(tmp_path: Path) -> None:
    options = ["--log", "log", "--result", "result.json"]
    command = [sys.executable, supervisor.__file__, *options, "--", sys.executable, "-c", CLEANS_UP]
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            f"subprocess.Popen({command!r}, stdin=subprocess.PIPE, start_new_session=True)\n"
            "time.sleep(600)",
        ],
        cwd=tmp_path,
    )
    try:
        wait_for(lambda: has_said(tmp_path, "ready"))
    finally:
        parent.kill()
        parent.wait()

    wait_for((tmp_path / "result.json").exists)
    assert (tmp_path / "cleaned").exists()
    assert result(tmp_path)["was_stopped"]


def test_a_command_that_has_said_the_word_goes_on_when_the_parent_is_gone(
    tmp_path: Path, start: Start
) -> None:
    process = start(FINISHES, 30, "--finish-after", ": Creating [a-z]+")
    wait_for(lambda: has_said(tmp_path, "Creating"))

    assert process.stdin is not None
    process.stdin.close()
    wait_for(lambda: has_said(tmp_path, "it goes on"))
    (tmp_path / "go").touch()

    assert process.wait(30) == 5
    assert (tmp_path / "log").read_text().endswith("done\n")
    assert not result(tmp_path)["was_stopped"]


@pytest.mark.parametrize(
    ("pattern", "seconds"), [("Something else", "30"), ("Creating", "0.2")], ids=["not said", "too late"]
)
def test_a_command_that_has_not_said_the_word_or_goes_on_for_too_long_is_interrupted(
    tmp_path: Path, start: Start, pattern: str, seconds: str
) -> None:
    process = start(FINISHES, 30, "--finish-after", pattern, "--finish-seconds", seconds)
    wait_for(lambda: has_said(tmp_path, "Creating"))

    assert process.stdin is not None
    process.stdin.close()

    process.wait(30)
    assert result(tmp_path)["was_stopped"]


def test_a_command_that_goes_on_can_still_be_told_to_stop(tmp_path: Path, start: Start) -> None:
    process = start(FINISHES, 30, "--finish-after", "Creating")
    wait_for(lambda: has_said(tmp_path, "Creating"))
    assert process.stdin is not None
    process.stdin.close()
    wait_for(lambda: has_said(tmp_path, "it goes on"))

    process.send_signal(signal.SIGTERM)

    process.wait(30)
    assert result(tmp_path)["was_stopped"]


def test_what_ignores_its_interrupt_is_killed_after_the_grace_period(tmp_path: Path, start: Start) -> None:
    process = start(IGNORES, grace_seconds=0.5)
    wait_for(lambda: has_said(tmp_path, "ready"))

    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 128 + signal.SIGKILL
    assert result(tmp_path)["was_killed"]
    assert "still running 0 s after its interrupt: killed" in (tmp_path / "log").read_text()


def test_what_the_command_leaves_running_is_killed(tmp_path: Path, start: Start) -> None:
    process = start(LEAVES_A_CHILD)

    assert process.wait(30) == 0
    child = int((tmp_path / "log").read_text().split()[1])
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_the_command_is_in_a_process_group_of_its_own(tmp_path: Path, start: Start) -> None:
    process = start("import os; print(os.getpgid(0), os.getpid())")

    process.wait(30)
    group, pid = (tmp_path / "log").read_text().split()
    assert group == pid
    assert int(group) != os.getpgid(0)
