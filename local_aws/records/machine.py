"""A record in a machine's place: it does nothing but change its state in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local_aws.machines.machine import Done, Events
from local_aws.machines.troubles import Trouble
from local_aws.records.script import Script

After = Callable[[float, Callable[[], None]], None]
"""Have something done after so many seconds."""


@dataclass(kw_only=True)
class RecordMachine:
    """The state of one instance without a machine."""

    name: str
    address: str
    script: Script
    events: Events
    after: After
    checked_since: float | None = None
    trouble: Trouble | None = None
    is_gone: bool = False
    _runs: int = field(default=0, init=False)

    def boot(self) -> None:
        """Be running after a while."""
        self.start()

    def start(self) -> None:
        """The same after stop; every run is healthy or not from its own beginning."""
        self._runs += 1
        this_run = self._runs
        self.checked_since, self.trouble = None, None
        self.after(self.script.boot_seconds, lambda: self._running(this_run))

    def stop(self) -> None:
        """Be stopped after a while."""
        self._runs += 1
        self.after(self.script.shutdown_seconds, lambda: self.events.stopped(by_itself=False, message=""))

    def reboot(self) -> None:
        """Run on, checked anew."""
        self.checked_since, self.trouble = None, None

    def terminate(self) -> None:
        """Be gone after a while."""
        self._runs += 1
        self.after(self.script.shutdown_seconds, self._terminated)

    def commit(self, _image: str, done: Done) -> None:
        """There is no disk to copy."""
        done(None)

    def suffer(self, trouble: Trouble, done: Done) -> None:
        """What hangs or breaks is unhealthy until it resumes or is mended; what is killed is stopped."""
        if trouble is Trouble.KILL:
            self._runs += 1
            self.events.stopped(by_itself=True, message="its record was killed")
        else:
            self.trouble = trouble if trouble in (Trouble.HANG, Trouble.BREAK) else None
        done(None)

    def console(self) -> str:
        """Nobody writes there."""
        return ""

    def abandon(self) -> None:
        """Nothing runs."""

    def is_healthy(self) -> bool:
        """Whether it passes a health check now; the first one that is asked for begins its script."""
        now = time.monotonic()
        if self.checked_since is None:
            self.checked_since = now
        return self.trouble is None and self.script.is_healthy(now - self.checked_since)

    def will_be_healthy(self) -> bool:
        """Whether a check that fails now may yet be only too early."""
        return self.trouble is None and self.script.is_ever_healthy

    def _running(self, run: int) -> None:
        if run == self._runs:
            self.events.running()

    def _terminated(self) -> None:
        self.is_gone = True
        self.events.terminated(by_itself=False, message="")
