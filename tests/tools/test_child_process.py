"""Promises of tools/child_process.py."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.child_process import run_to_its_end
from tools.toolchain import ROOT

# A command that, like pulumi, needs a while to end well after an interrupt.
COMMAND = """
import pathlib, signal, sys, time
def end(*_):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    time.sleep(1)
    pathlib.Path("ended-well").touch()
    sys.exit(7)
signal.signal(signal.SIGINT, end)
pathlib.Path("ready").touch()
time.sleep(60)
"""


@pytest.mark.parametrize(("number", "is_for_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_an_interrupted_command_ends_in_its_own_way(
    tmp_path: Path, number: signal.Signals, is_for_all: bool
) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from tools.child_process import run_to_its_end\n"
        f"folder, command = pathlib.Path({str(tmp_path)!r}), [sys.executable, '-c', {COMMAND!r}]\n"
        "sys.exit(run_to_its_end(command, folder, os.environ))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

        (os.killpg if is_for_all else os.kill)(process.pid, number)

        assert process.wait(timeout=30) == 7
        assert (tmp_path / "ended-well").exists()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_returns_the_exit_status_and_gives_the_environment(tmp_path: Path) -> None:
    status = run_to_its_end(["/bin/sh", "-c", "exit $STATUS"], tmp_path, {"STATUS": "5"})

    assert status == 5
