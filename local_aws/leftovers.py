"""What a local AWS that was killed left behind, found by its name and removed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from local_aws.home import home_name
from local_aws.machines import podman

# Every process that a server starts inherits this variable; its value is the name of the home.
MARK = "LOCAL_AWS_HOME_NAME"
SECONDS_TO_END = 10


def remove_leftovers(folder: Path, say: Callable[[str], None]) -> None:
    """Remove what is left of the local AWS in *folder*, whose server does not run."""
    name = home_name(folder)
    machines = podman.machines_of(name) if podman.is_installed() else []
    if machines:
        say(f"removing {len(machines)} machine(s) that were left behind")
        podman.remove_machines(machines)
    for image in podman.images_named(f"localhost/{name}/") if podman.is_installed() else []:
        podman.remove_image(image)
    processes = processes_of(name)
    if processes:
        say(f"ending {len(processes)} process(es) that were left behind")
        _end(processes)
    shutil.rmtree(folder / "machines", ignore_errors=True)


def processes_of(name: str) -> list[psutil.Process]:
    """The processes that the server of the home called *name* started, itself included."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            is_marked = process.environ().get(MARK) == name
        except (psutil.Error, OSError):
            continue
        if is_marked and process.pid != os.getpid():
            found.append(process)
    return found


def _end(processes: list[psutil.Process]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            if process.is_running():
                try:
                    process.send_signal(number)
                except psutil.NoSuchProcess:
                    continue
        _, processes = psutil.wait_procs(processes, timeout=SECONDS_TO_END)
