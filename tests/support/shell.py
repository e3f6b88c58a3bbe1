"""A shell prepared for one local AWS, and the end of all that was started in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from local_aws.home import Home
from tools.local_environment import local_environment

_MARK = "PULUMI_BACKEND_URL"
_SECONDS_TO_END = 10


@contextlib.contextmanager
def prepared_shell(home: Home, backend: Path) -> Iterator[dict[str, str]]:
    """What `make env` would prepare for *home*, with Pulumi's state in *backend*.

    A pulumi that a test kills leaves its plugins running; on leaving, everything that was started with this
    environment is ended.
    """
    environment = local_environment(home=home, backend=backend)
    try:
        yield environment
    finally:
        end_processes_with(_MARK, environment[_MARK])


def end_processes_with(variable: str, value: str) -> None:
    """End every process whose environment has *variable* as *value*."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get(variable) == value:
                process.kill()
                processes.append(process)
    psutil.wait_procs(processes, timeout=_SECONDS_TO_END)
