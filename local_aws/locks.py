"""Who holds what: one server for each home, one local AWS for each network of this computer.

The kernel frees a lock when its holder dies, so a killed server never blocks the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from local_aws.home import LocalAwsError, cache_folder

# 127.0.0 has the computer's own services, 127.0.1 is the default, systemd-resolved has 127.0.53 and .54.
AUTOMATIC_NETWORKS = tuple(f"127.0.{number}" for number in range(2, 250) if number not in (53, 54))


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The server process that holds a lock."""

    process: int
    folder: str


class TakenError(LocalAwsError):
    """Another process holds the lock."""

    def __init__(self, message: str, holder: Holder | None) -> None:
        super().__init__(message)
        self.holder = holder


def take(path: Path, holder: Holder, message: str) -> IO[str]:
    """Hold the lock *path* until the returned file is closed; TakenError with *message* when it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        present = _read(file)
        file.close()
        who = (
            f"the local AWS of {present.folder} (process {present.process})" if present else "another process"
        )
        raise TakenError(message.format(who=who), present) from None
    file.truncate(0)
    file.write(json.dumps(asdict(holder)))
    file.flush()
    return file


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock *path* now; None when nobody does."""
    try:
        file = path.open("r+")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
        return None


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        values = json.loads(file.read())
        return Holder(process=int(values["process"]), folder=str(values["folder"]))
    except (ValueError, KeyError, TypeError):
        return None


def server_lock(folder: Path) -> Path:
    """The lock that the server of the local AWS in *folder* holds while it lives."""
    return folder / "server.lock"


def network_lock(network: str) -> Path:
    """The lock that whoever uses *network* on this computer holds."""
    return cache_folder() / "locks" / f"network-{network}.lock"


def take_server(folder: Path) -> IO[str]:
    """Become the only server of the local AWS in *folder*."""
    holder = Holder(process=os.getpid(), folder=str(folder.resolve()))
    return take(server_lock(folder), holder, "{who} already serves this home")


def take_network(wanted: str, folder: Path, machines: Mapping[str, Sequence[str]]) -> tuple[str, IO[str]]:
    """Become the only user of the network *wanted*, or of any free one when it is `auto`.

    *machines* are those that there are, by network. Where a killed local AWS left some, their ports are
    still forwarded to them, and no other machine can be reached on these addresses.
    """
    holder = Holder(process=os.getpid(), folder=str(folder.resolve()))
    advice = (
        "stop that one with `python -m local_aws stop --home {folder}`, or start this one with --network auto"
    )
    if wanted != "auto":
        present = holder_of(network_lock(wanted))
        advice = advice.replace("{folder}", present.folder if present else "ITS-FOLDER")
        message = f"network {wanted} is in use by {{who}} · one local AWS has a network to itself · {advice}"
        lock = take(network_lock(wanted), holder, message)
        if left := machines.get(wanted):
            lock.close()
            raise LocalAwsError(
                f"network {wanted} has {len(left)} machine(s) of a local AWS that was killed · one without "
                f"any was expected · podman rm --force {' '.join(left)} · or start this with --network auto"
            )
        return wanted, lock
    for network in (network for network in AUTOMATIC_NETWORKS if network not in machines):
        try:
            return network, take(network_lock(network), holder, "")
        except TakenError:
            continue
    raise LocalAwsError(
        f"all {len(AUTOMATIC_NETWORKS)} networks are in use · a local AWS has one to itself · stop one"
    )
