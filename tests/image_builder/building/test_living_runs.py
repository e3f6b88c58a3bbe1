"""Which runs are alive on this machine."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_builder.building.living_runs import living_runs
from image_builder.building.run_folder import make_run_folder, new_run_id


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(processes: ExitStack, *command: str, folder: Path | None = None) -> int:
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL)
    processes.callback(process.wait)
    processes.callback(process.kill)
    return process.pid


def test_a_run_is_alive_while_its_supervisor_its_packer_or_a_plugin_in_its_folder_is(
    tmp_path: Path, processes: ExitStack
) -> None:
    supervised, built, plugged, ended = (make_run_folder(tmp_path, new_run_id()) for _ in range(4))
    sleep = "import time; time.sleep(60)"
    (tmp_path / "supervisor.py").write_text(sleep)
    for name in ("packer", "packer-plugin-amazon"):
        (tmp_path / name).symlink_to(sys.executable)
    pids = {
        supervised.run_id: start(
            processes, sys.executable, str(tmp_path / "supervisor.py"), "--log", str(supervised.log)
        ),
        built.run_id: start(processes, str(tmp_path / "packer"), "-c", sleep, f"-var-file={built.variables}"),
        plugged.run_id: start(
            processes, str(tmp_path / "packer-plugin-amazon"), "-c", sleep, folder=plugged.path
        ),
    }
    deadline = time.monotonic() + 30
    while not pids.items() <= (found := living_runs()).items() and time.monotonic() < deadline:
        time.sleep(0.1)  # Between fork and exec a process has the words of its parent.

    assert pids.items() <= found.items()
    assert ended.run_id not in found


def test_who_only_reads_a_runs_log_does_not_keep_it_alive(tmp_path: Path, processes: ExitStack) -> None:
    run = make_run_folder(tmp_path, new_run_id())
    run.log.touch()
    start(processes, "tail", "-f", str(run.log), folder=run.path)
    time.sleep(0.5)

    assert run.run_id not in living_runs()
