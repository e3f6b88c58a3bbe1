"""One machine: a thread that does what is asked of it, in order, and notices when it ends by itself."""

from __future__ import annotations

import contextlib
import logging
import shutil
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from local_aws.home import LocalAwsError
from local_aws.machines import podman
from local_aws.machines.first_process import FirstProcess
from local_aws.machines.mailbox import Mailbox
from local_aws.machines.podman import Flags, MachineSpec
from local_aws.machines.troubles import Trouble, bring

log = logging.getLogger(__name__)

REMOVAL_SECONDS = 10.0
BOOT_SECONDS = 20.0
SHUTDOWN_SECONDS = 30
# How systemd ends as the first process of a PID namespace: pid_namespaces(7), reboot(2).
STATUS_OF_REBOOT = 128 + 1


Done = Callable[[LocalAwsError | None], None]
"""Is told how something went: None when well."""


class Events(Protocol):
    """Who is told what became of the machine; called from the machine's thread, without any lock held."""

    def running(self) -> None:
        """It boots or has booted: its SSH server answers, or it has run for BOOT_SECONDS without one."""

    def ended(self) -> None:
        """All its processes have ended by themselves; whether it boots again is not known yet."""

    def stopped(self, *, by_itself: bool, message: str) -> None:
        """It no longer runs; its disk is kept."""

    def terminated(self, *, by_itself: bool, message: str) -> None:
        """It is gone with its disk."""


class AnyMachine(Protocol):
    """What stands behind an instance; each method returns at once, Events tell what came of it."""

    name: str

    @property
    def is_gone(self) -> bool:
        """Is there nothing behind the instance any more?"""

    def stop(self) -> None:
        """Shut it down; keep its disk."""

    def start(self) -> None:
        """Start it after stop."""

    def reboot(self) -> None:
        """Shut it down and start it."""

    def terminate(self) -> None:
        """Shut it down and remove it."""

    def commit(self, image: str, done: Done) -> None:
        """Make *image* of its disk, and tell *done*."""

    def suffer(self, trouble: Trouble, done: Done) -> None:
        """Have *trouble* befall it, and tell *done*."""

    def console(self) -> str:
        """What it last wrote to its console."""


class Machine:
    """A podman container that behaves like a machine."""

    def __init__(self, spec: MachineSpec, flags: Flags, events: Events, boots: threading.Semaphore) -> None:
        self.spec = spec
        self.name = spec.name
        self._flags = flags
        self._events = events
        self._boots = boots
        self._tasks = Mailbox()
        self._process = FirstProcess()
        self._ending = threading.Event()
        self._gone = False
        self._is_frozen = False
        self._last_console = ""
        self._thread = threading.Thread(target=self._live, name=spec.name, daemon=True)

    def boot(self) -> None:
        """Make the machine and start it."""
        self._tasks.put(self._boot)
        self._thread.start()

    def stop(self) -> None:
        """Shut it down; keep its disk."""
        self._tasks.put(self._stop)

    def start(self) -> None:
        """Start it after stop."""
        self._tasks.put(self._start)

    def reboot(self) -> None:
        """Shut it down and start it."""
        self._tasks.put(self._reboot)

    def terminate(self) -> None:
        """Shut it down and remove it."""
        self._ending.set()
        self._tasks.put(self._terminate)

    def commit(self, image: str, done: Done) -> None:
        """Make *image* of its disk, and tell *done*."""
        self._tasks.put(lambda: _telling(done, lambda: podman.commit_machine(self.spec.name, image)))

    def suffer(self, trouble: Trouble, done: Done) -> None:
        """Have *trouble* befall it, and tell *done*."""
        self._tasks.put(lambda: _telling(done, lambda: self._suffer(trouble)))

    def abandon(self) -> None:
        """Do nothing more, and return when its thread has ended; the container is left to the caller."""
        self._ending.set()
        self._tasks.clear()
        self._tasks.put(self._give_up)
        self._thread.join()

    @property
    def is_gone(self) -> bool:
        """Is there no container any more?"""
        return self._gone

    def console(self) -> str:
        """What it last wrote to its console, also after it is gone."""
        if not self._gone:
            with contextlib.suppress(podman.PodmanError):
                self._last_console = podman.console(self.spec.name)
        return self._last_console

    def _live(self) -> None:
        try:
            while not self._gone:
                self._pause(None)
                task = self._tasks.take()
                if task:
                    self._try(task)
                elif self._process.has_ended():
                    self._try(self._ended_by_itself)
        finally:
            self._process.forget()

    def _pause(self, seconds: float | None) -> None:
        """Wait for a task, for the machine's end, or until *seconds* have passed."""
        self._tasks.wait(also=self._process.descriptor, seconds=seconds)

    def _try(self, task: Callable[[], None]) -> None:
        try:
            task()
        except LocalAwsError as error:
            log.error("%s: %s", self.spec.name, error)
        except Exception:
            log.exception("%s: %s failed", self.spec.name, task)

    def _boot(self) -> None:
        with self._boots:
            if self._ending.is_set():
                return
            try:
                podman.run_machine(self.spec, self._flags)
            except LocalAwsError as error:
                self._vanish(by_itself=True, message=str(error))
                return
            self._run()

    def _start(self) -> None:
        with self._boots:
            podman.start_machine(self.spec.name, self._flags)
            self._run()

    def _run(self) -> None:
        """Return when SSH answers: who waits for `running` connects next, and Packer tries every 5 s only."""
        self._process.watch(podman.machine_process(self.spec.name))
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._ending.is_set() and time.monotonic() < deadline:
            if self._process.has_ended():
                self._ended_by_itself()
                return
            if self._ssh_answers():
                break
            self._pause(0.1)
            if self._tasks:
                break
        self._events.running()

    def _ssh_answers(self) -> bool:
        port = next((outside for outside, inside in self.spec.ports if inside == 22), None)
        if port is None:
            return True
        try:
            with socket.create_connection((self.spec.address, port), timeout=0.5) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _ended_by_itself(self) -> None:
        self._process.forget()
        self._events.ended()
        status = podman.exit_status(self.spec.name)
        if status == STATUS_OF_REBOOT:
            self._start()
        elif status is None:
            self._vanish(by_itself=True, message="its container was removed")
        else:
            self._events.stopped(by_itself=True, message=f"its first process ended with status {status}")
            self._vanish_if_removed()

    def _vanish_if_removed(self) -> None:
        """Who removes a container by force kills it first: see whether it goes, unless there is a task."""
        deadline = time.monotonic() + REMOVAL_SECONDS
        while not self._tasks and time.monotonic() < deadline:
            self._pause(0.5)
            if podman.exit_status(self.spec.name) is None:
                self._vanish(by_itself=True, message="its container was removed")
                return

    def _stop(self) -> None:
        self._process.forget()
        self._shut_down()
        self._events.stopped(by_itself=False, message="")

    def _reboot(self) -> None:
        self._process.forget()
        self._shut_down()
        self._start()

    def _terminate(self) -> None:
        self._vanish(by_itself=False, message="")

    def _vanish(self, *, by_itself: bool, message: str) -> None:
        self._process.forget()
        with contextlib.suppress(podman.PodmanError):  # it may not even exist; removing it ends it by force
            self._shut_down()
        self.console()
        podman.remove_machine(self.spec.name)
        shutil.rmtree(self.spec.seed, ignore_errors=True)
        self._gone = True
        self._events.terminated(by_itself=by_itself, message=message)

    def _give_up(self) -> None:
        self._gone = True

    def _suffer(self, trouble: Trouble) -> None:
        bring(trouble, self.spec)
        if trouble in (Trouble.HANG, Trouble.RESUME):
            self._is_frozen = trouble is Trouble.HANG

    def _shut_down(self) -> None:
        """End its services; what is frozen cannot end by itself and is ended by force."""
        if self._is_frozen:
            podman.kill_machine(self.spec.name)
            self._is_frozen = False
        else:
            podman.stop_machine(self.spec.name, SHUTDOWN_SECONDS)


def _telling(done: Done, task: Callable[[], None]) -> None:
    """Do *task*, and tell *done* how it went."""
    try:
        task()
    except LocalAwsError as error:
        done(error)
    else:
        done(None)
