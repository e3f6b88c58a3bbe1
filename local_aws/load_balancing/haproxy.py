"""The only caller of haproxy: its process, and its runtime API on a unix socket.

The listening sockets are this process's own and haproxy inherits them. So a port that is taken is known
before anything starts, a new haproxy process takes over without a connection being refused, connections wait
in the socket's queue while a crashed haproxy is started again, and haproxy needs no privilege to listen.
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from local_aws.load_balancing.model import HealthCheck
from local_aws.load_balancing.render import server_options
from local_aws.load_balancing.statistics import Row, parse_rows
from local_aws.load_balancing.targets import FULL_WEIGHT

START_TIMEOUT_SECONDS = 10
COMMAND_TIMEOUT_SECONDS = 5
REMOVE_TIMEOUT_SECONDS = 2
RETIRE_TIMEOUT_SECONDS = 2
OLDEST_VERSION = (2, 6)
EXPECTED_ANSWERS = ("", "New server registered.", "Server deleted.")

logger = logging.getLogger(__name__)


class HaproxyError(Exception):
    """haproxy cannot be run, or refused what it was told."""


def find_haproxy() -> str:
    """The path of haproxy; on Debian it is in a folder that is not on every user's PATH."""
    path = shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if path is None:
        raise HaproxyError("haproxy is not installed · 2.6 or newer was expected · apt-get install haproxy")
    return path


def unprivileged_user() -> tuple[str, str] | None:
    """The (user, group) that haproxy becomes when it is started by root; None for everybody else."""
    if os.geteuid() != 0:
        return None
    for user, group in (("haproxy", "haproxy"), ("nobody", "nogroup"), ("nobody", "nobody")):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(user)
            grp.getgrnam(group)
            return user, group
    return None


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


class HaproxyProcess:
    """One haproxy process, from the configuration it was started with until it is gone."""

    def __init__(self, *, number: int, folder: Path) -> None:
        self.number = number
        self._folder = folder
        self._control = folder / f"haproxy-{number}.sock"
        self._configuration = folder / "haproxy.cfg"
        self._log = folder / "haproxy.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 when it was never started."""
        return self._process.pid if self._process else 0

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process else -1

    def open_control(self) -> socket.socket:
        """The socket on which the runtime API will answer; it is to be given to start()."""
        return open_control_socket(self._control)

    def start(self, configuration: str, *, control: socket.socket, listening: list[socket.socket]) -> None:
        """Run haproxy with *configuration* and return when it answers; raise with its own words otherwise."""
        executable = find_haproxy()
        self._configuration.touch(mode=0o600)
        self._configuration.write_text(configuration)
        with self._log.open("ab") as log:
            began = log.tell()
            self._process = subprocess.Popen(
                [executable, "-db", "-f", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                pass_fds=[control.fileno(), *(one.fileno() for one in listening)],
                start_new_session=True,
            )
        (self._folder / "haproxy.pid").write_text(f"{self.pid}\n")
        control.close()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            with contextlib.suppress(OSError):
                self._refuse_old(self.command("show info"))
                return
            if self.exit_code is not None or time.monotonic() > deadline:
                self.kill()
                raise HaproxyError(
                    f"haproxy did not start ({self._last_words(began)}) · its configuration is "
                    f"{self._configuration} · see {self._log}"
                )
            time.sleep(0.01)

    def _refuse_old(self, information: str) -> None:
        version = next(
            (line.split()[1] for line in information.splitlines() if line.startswith("Version:")), "?"
        )
        numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2] if part.isdigit())
        if numbers < OLDEST_VERSION:
            self.kill()
            raise HaproxyError(
                f"haproxy {version} cannot add servers while it runs · 2.6 or newer was expected · "
                "install a newer one"
            )

    def _last_words(self, began: int) -> str:
        with self._log.open("rb") as log:
            log.seek(began)
            lines = log.read().decode(errors="replace").splitlines()
        alerts = [line for line in lines if "[ALERT]" in line]
        return (alerts or lines or ["it said nothing"])[0].strip()

    def command(self, text: str) -> str:
        """The answer of the runtime API to one command."""
        with socket.socket(socket.AF_UNIX) as client, short_path(self._control) as name:
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

    def retire(self) -> None:
        """Take no new connection from now on, finish what is in flight, then end."""
        if self._process is None or self.exit_code is not None:
            return
        self._process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + RETIRE_TIMEOUT_SECONDS
        with contextlib.suppress(OSError):  # it closes its control socket together with the listening ones
            while time.monotonic() < deadline and self.command("show info"):
                time.sleep(0.002)

    def kill(self) -> None:
        """End it now, and return when it is gone."""
        if self._process and self.exit_code is None:
            self._process.kill()
        if self._process:
            self._process.wait()
        self.forget()

    def forget(self) -> None:
        """Remove what an ended process leaves behind."""
        self._control.unlink(missing_ok=True)


def end_leftovers(folder: Path) -> list[int]:
    """End the haproxy processes that a killed local AWS left behind in *folder*; return their pids."""
    marker = str(folder / "haproxy.cfg").encode()
    ended = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if Path(os.fsdecode(words[0])).name == "haproxy" and marker in words:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
                ended.append(int(entry.name))
    for path in folder.glob("haproxy-*.sock"):
        path.unlink(missing_ok=True)
    return ended
