"""What can befall a machine, done from outside it; nothing inside takes part.

kill     its first process is killed: a host that loses its power. The instance is then stopped.
hang     all its processes are frozen (podman pause): connections are accepted and nothing is answered.
resume   they go on.
break    packets to its ports, SSH's excepted, are rejected with a reset in its own network namespace
         (iptables): new connections are refused and present ones reset, as of a service that has crashed.
mend     they are let through again; a restart of the machine does that, too.
"""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, replace
from enum import StrEnum

from local_aws.home import LocalAwsError
from local_aws.machines import podman
from local_aws.machines.podman import MachineSpec

SSH = 22


class Trouble(StrEnum):
    """What can befall a machine, and the end of it."""

    KILL = "kill"
    HANG = "hang"
    RESUME = "resume"
    BREAK = "break"
    MEND = "mend"


BEFALL_THE_NEXT = (Trouble.KILL, Trouble.HANG, Trouble.BREAK)


def bring(trouble: Trouble, spec: MachineSpec) -> None:
    """Do *trouble* to a machine that runs."""
    match trouble:
        case Trouble.KILL:
            podman.kill_machine(spec.name)
        case Trouble.HANG:
            podman.freeze_machine(spec.name)
        case Trouble.RESUME:
            podman.thaw_machine(spec.name)
        case Trouble.BREAK | Trouble.MEND:
            _filter(spec, is_wanted=trouble is Trouble.BREAK)


def _filter(spec: MachineSpec, *, is_wanted: bool) -> None:
    """Reject what comes to its ports, or no longer; nothing changes where that is so already."""
    ports = ",".join(str(inside) for _, inside in spec.ports if inside != SSH)
    rule = ["INPUT", "--protocol", "tcp", "--match", "multiport", "--dports", ports]
    rule += ["--jump", "REJECT", "--reject-with", "tcp-reset"]
    is_present = _iptables(spec, "--check", *rule).returncode == 0
    if is_present == is_wanted:
        return
    result = _iptables(spec, "--insert" if is_wanted else "--delete", *rule)
    if result.returncode != 0:
        words = " ".join(result.stderr.split()) or "no output"
        raise LocalAwsError(
            f"iptables in the network of {spec.name} exited {result.returncode}: {words} · "
            "a machine that runs was expected"
        )


def _iptables(spec: MachineSpec, *arguments: str) -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", f"--target={podman.machine_process(spec.name)}", "--net"]
    # Without root, podman's own user namespace is where the machine's network may be changed.
    unshare = [] if os.geteuid() == 0 else ["podman", "unshare"]
    command = [*unshare, *enter, "iptables", "--wait", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError as error:
        raise LocalAwsError(
            f"{error.filename} was not found on PATH · nsenter and iptables break a machine's ports · "
            "install the packages util-linux and iptables"
        ) from error


@dataclass(frozen=True, kw_only=True)
class NextLaunch:
    """A trouble that awaits the next machines that are launched."""

    trouble: Trouble
    count: int = 1
    ami_id: str | None = None
    group: str | None = None
    in_seconds: float = 0
    """How long after its launch it befalls a machine."""


class NextLaunches:
    """The troubles that await machines."""

    def __init__(self) -> None:
        self._waiting: list[NextLaunch] = []
        self._lock = threading.Lock()

    def add(self, next_launch: NextLaunch) -> None:
        """Wait for machines."""
        with self._lock:
            self._waiting.append(next_launch)

    def take(self, ami_id: str, group: str | None) -> list[NextLaunch]:
        """Those that befall a machine of *ami_id* that is launched now, by *group* if by any."""
        with self._lock:
            taken = [waiting for waiting in self._waiting if _is_for(waiting, ami_id, group)]
            left = [
                replace(waiting, count=waiting.count - 1) if waiting in taken else waiting
                for waiting in self._waiting
            ]
            self._waiting = [waiting for waiting in left if waiting.count > 0]
            return taken


def _is_for(waiting: NextLaunch, ami_id: str, group: str | None) -> bool:
    return waiting.ami_id in (None, ami_id) and waiting.group in (None, group)
