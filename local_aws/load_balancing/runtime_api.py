"""haproxy's runtime API on its control socket: everything that is told to a running haproxy."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from local_aws.load_balancing.model import HealthCheck
from local_aws.load_balancing.render import server_options
from local_aws.load_balancing.statistics import Row, parse_rows
from local_aws.load_balancing.targets import FULL_WEIGHT

COMMAND_TIMEOUT_SECONDS = 5
REMOVE_TIMEOUT_SECONDS = 2
EXPECTED_ANSWERS = ("", "New server registered.", "Server deleted.")


class HaproxyError(Exception):
    """haproxy cannot be run, or refused what it was told."""


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of *path* that fits into a unix socket's address (107 bytes), however deep its folder is."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def open_control_socket(path: Path) -> socket.socket:
    """A listening unix socket at *path* that only this user can connect to."""
    path.unlink(missing_ok=True)
    control = socket.socket(socket.AF_UNIX)
    with short_path(path) as name:
        control.bind(name)
        Path(name).chmod(0o600)
    control.listen(16)
    return control


class RuntimeApi:
    """What can be asked of and told to the haproxy that serves the control socket at *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def command(self, text: str) -> str:
        """The answer of the runtime API to one command."""
        with socket.socket(socket.AF_UNIX) as client, short_path(self._path) as name:
            client.settimeout(COMMAND_TIMEOUT_SECONDS)
            client.connect(name)
            client.sendall(text.encode() + b"\n")
            answer = b""
            while received := client.recv(65536):
                answer += received
        return answer.decode(errors="replace").strip()

    def tell(self, *commands: str) -> None:
        """Have *commands* done in this order; raise at the first that haproxy refuses."""
        for text in commands:
            answer = self.command(text)
            if answer not in EXPECTED_ANSWERS:
                raise HaproxyError(f"haproxy refused {text!r}: {answer}")

    def rows(self) -> list[Row]:
        """What haproxy knows of every frontend, backend and server."""
        return parse_rows(self.command("show stat"))

    def add_server(self, backend: str, fail_open: str, server: str, check: HealthCheck) -> None:
        """Add *server*, checked but without traffic, and checked more often than later."""
        self.tell(f"add server {fail_open}/{server} {server}")
        self._add_checked(backend, server, server_options(check, is_probing=True))

    def check_as_asked(self, backend: str, server: str, check: HealthCheck) -> None:
        """Have *server*, which has no traffic yet, checked as the target group says from now on."""
        self._remove(backend, server)
        self._add_checked(backend, server, server_options(check, is_probing=False))

    def _add_checked(self, backend: str, server: str, options: str) -> None:
        here = f"{backend}/{server}"
        self.tell(f"add server {here} {server} {options} weight {FULL_WEIGHT}", f"enable health {here}")
        self.observe(backend, server)

    def observe(self, backend: str, server: str) -> None:
        """Have *server* checked without traffic; it takes all its failures to be called unhealthy."""
        here = f"{backend}/{server}"
        self.tell(f"set server {here} state drain", f"set server {here} health up")

    def admit(self, backend: str, fail_open: str, server: str, *, is_up: bool) -> None:
        """Give *server* traffic: now when it is up, else when its checks pass or all others fail too."""
        here = f"{backend}/{server}"
        self.tell(
            f"set server {here} state drain",
            f"set server {here} health {'up' if is_up else 'down'}",
            f"set server {here} state ready",
            f"set server {fail_open}/{server} state ready",
        )

    def drain(self, backend: str, fail_open: str, server: str) -> None:
        """Give *server* no new request; those in flight go on."""
        self.tell(
            f"set server {backend}/{server} state drain", f"set server {fail_open}/{server} state drain"
        )

    def weigh(self, backend: str, server: str, weight: int) -> None:
        """Give *server* the share *weight* of the traffic."""
        self.tell(f"set server {backend}/{server} weight {weight}")

    def kill_sessions(self, backend: str, fail_open: str, server: str) -> None:
        """End the requests that *server* still works on."""
        self.tell(*(f"shutdown sessions server {name}/{server}" for name in (backend, fail_open)))

    def remove_server(self, backend: str, fail_open: str, server: str) -> None:
        """Remove *server*; requests that were just ended may need a moment to be gone."""
        for name in (fail_open, backend):
            self._remove(name, server)

    def _remove(self, backend: str, server: str) -> None:
        here = f"{backend}/{server}"
        deadline = time.monotonic() + REMOVE_TIMEOUT_SECONDS
        self.tell(f"set server {here} state maint")
        while (answer := self.command(f"del server {here}")) != "Server deleted.":
            if time.monotonic() > deadline:
                raise HaproxyError(f"haproxy keeps server {here}: {answer}")
            time.sleep(0.02)
