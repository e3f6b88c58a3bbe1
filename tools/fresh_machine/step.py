"""One step of the set-up, and what it may use while it runs."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tools.fresh_machine.processes import Processes, StepFailed


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a running step is given: a log file, child processes, and a way to tell the user something."""

    processes: Processes
    log: IO[bytes]
    tell: Callable[[str], None]

    def run(
        self, *command: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Run *command* with its output in the log; raise StepFailed when it fails."""
        self.log.write(f"$ {' '.join(command)}\n".encode())
        self.log.flush()
        try:
            status = self.processes.run(command, self.log, cwd, {**os.environ, **(environment or {})})
        except FileNotFoundError as error:
            raise StepFailed(f"{command[0]}: not found") from error
        if status != 0:
            raise StepFailed(f"`{' '.join(command[:4])}` ended with exit status {status}")

    def lock(self, file: Path) -> AbstractContextManager[None]:
        """Hold *file* for this set-up alone, and say so while another one holds it."""
        return self.processes.lock(file, lambda: self.tell("waiting for another set-up on this machine"))


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that must be true of the machine, and how to make it so.

    *after* names the steps that must be done first. *announced_after_seconds* keeps a step silent that mostly
    finds nothing to do.
    """

    name: str
    doing: str
    is_done: Callable[[], bool]
    run: Callable[[Work], None]
    after: Sequence[str] = field(default=())
    announced_after_seconds: float = 0


def output_of(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what a quick *command* prints, or nothing if it cannot be run."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
