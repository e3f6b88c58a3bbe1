"""What a machine is asked to do, in order, for the one thread that does it."""

from __future__ import annotations

import contextlib
import os
import select
import weakref
from collections import deque
from collections.abc import Callable

Task = Callable[[], None]


class Mailbox:
    """Tasks from any thread to one thread, which can wait for a file descriptor at the same time."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        weakref.finalize(self, os.close, self._wake)

    def __bool__(self) -> bool:
        """Is there a task?"""
        return bool(self._tasks)

    def put(self, task: Task) -> None:
        """Ask for *task*, after all that was asked before."""
        self._tasks.append(task)
        os.eventfd_write(self._wake, 1)

    def take(self) -> Task | None:
        """The next task; None when there is none."""
        return self._tasks.popleft() if self._tasks else None

    def clear(self) -> None:
        """Forget all tasks."""
        self._tasks.clear()

    def wait(self, *, also: int | None, seconds: float | None) -> None:
        """Return when there is a task, when *also* is readable, or after *seconds*."""
        if self._tasks:
            return
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        if also is not None:
            poller.register(also, select.POLLIN)
        poller.poll(None if seconds is None else seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
