"""Child processes of the set-up: their output goes to a log file, and none outlives the set-up."""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO


class StepFailed(Exception):  # noqa: N818 (said as it reads)
    """A step did not succeed; the message says why in one line."""


class Interrupted(Exception):  # noqa: N818 (not an error)
    """The set-up is being ended."""


class Processes:
    """Every child process that runs now."""

    def __init__(self, *, kill_prefix: Sequence[str] = ()) -> None:
        self._kill_prefix = list(kill_prefix)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.stopping = threading.Event()

    def run(
        self, command: Sequence[str], log: IO[bytes], cwd: Path | None, environment: Mapping[str, str]
    ) -> int:
        """Run *command* in a process group of its own, its output in *log*; return its exit status."""
        with self._lock:
            if self.stopping.is_set():
                raise Interrupted
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            self._running.add(child)
        try:
            status = child.wait()
        finally:
            with self._lock:
                self._running.discard(child)
        if self.stopping.is_set():
            raise Interrupted
        return status

    def stop(self) -> None:
        """End every child and what it started: interrupted first, killed after ten seconds at the latest."""
        with self._lock:
            self.stopping.set()
            running = list(self._running)
        for child in running:
            self._signal(child, signal.SIGINT)
        deadline = time.monotonic() + 10
        for child in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=max(0.0, deadline - time.monotonic()))
            # A shell's background processes ignore interrupts, and stay in the group when it has ended.
            self._signal(child, signal.SIGKILL)

    def _signal(self, child: subprocess.Popen[bytes], number: signal.Signals) -> None:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:  # started by sudo: only root may signal it
            subprocess.run(
                [*self._kill_prefix, "kill", f"-{number.value}", "--", f"-{child.pid}"], check=False
            )

    @contextlib.contextmanager
    def lock(self, file: Path, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold *file* for this process alone; call *waiting* once when another one holds it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w") as handle:
            is_told = False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not is_told:
                        waiting()
                        is_told = True
                    if self.stopping.wait(timeout=0.2):
                        raise Interrupted from None
            yield
