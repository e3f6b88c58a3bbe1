"""The API as machines reach it: a socket in the folder of each one's seed, so that nothing else can.

The API listens on loopback, which a machine has its own of. In a machine, systemd listens on its loopback
and passes on what comes to this socket: overlay/etc/systemd/system/local-aws-api.socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

SOCKET = "api.sock"
CREDENTIALS = "credentials"


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[socket.socket]:
    """A socket that listens at SOCKET in *folder*, and is gone afterwards."""
    path = folder / SOCKET
    path.unlink(missing_ok=True)
    # The address of a socket has 107 characters at most (unix(7)), and a folder's path may have more.
    descriptor = os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as listener:
            listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
            listener.listen(128)
            yield listener
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def open_to(machine: Path, home: Path, credentials: str) -> None:
    """Let the machine whose seed is in *machine* reach the socket in *home*, as who *credentials* say."""
    os.link(home / SOCKET, machine / SOCKET)
    (machine / CREDENTIALS).write_text(credentials)
