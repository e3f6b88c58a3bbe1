"""The first process of a machine, seen from outside: the kernel says at once when it ends."""

from __future__ import annotations

import contextlib
import os
import select


class FirstProcess:
    """A file descriptor that becomes readable when the watched process ends."""

    def __init__(self) -> None:
        self.descriptor: int | None = None

    def watch(self, process: int) -> None:
        """Watch *process*; 0 stands for one that has ended."""
        self.forget()
        if process:
            with contextlib.suppress(ProcessLookupError):
                self.descriptor = os.pidfd_open(process)
                return
        self.descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # always readable

    def forget(self) -> None:
        """Watch nothing."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def has_ended(self) -> bool:
        """Has the watched process ended? Never true when nothing is watched."""
        return self.descriptor is not None and bool(select.select([self.descriptor], [], [], 0)[0])

    def wait(self) -> None:
        """Return when the watched process has ended; at once when nothing is watched."""
        if self.descriptor is not None:
            select.select([self.descriptor], [], [])
