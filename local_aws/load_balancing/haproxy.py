"""The only place that runs haproxy: its process, from start to end.

The listening sockets are this process's own and haproxy inherits them. So a port that is taken is known
before anything starts, a new haproxy process takes over without a connection being refused, connections wait
in the socket's queue while a crashed haproxy is started again, and haproxy needs no privilege to listen.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from local_aws.load_balancing.runtime_api import HaproxyError, RuntimeApi, open_control_socket

START_TIMEOUT_SECONDS = 10
RETIRE_TIMEOUT_SECONDS = 2
OLDEST_VERSION = (2, 6)


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


class HaproxyProcess(RuntimeApi):
    """One haproxy process, from the configuration it was started with until it is gone."""

    def __init__(self, *, number: int, folder: Path) -> None:
        super().__init__(folder / f"haproxy-{number}.sock")
        self.number = number
        self._folder = folder
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
        return open_control_socket(self._path)

    def start(self, configuration: str, *, control: socket.socket, inherited: list[socket.socket]) -> None:
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
                pass_fds=[control.fileno(), *(one.fileno() for one in inherited)],
                start_new_session=True,
            )
        (self._folder / "haproxy.pid").write_text(f"{self.pid}\n")
        control.close()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            with contextlib.suppress(OSError):
                self.refuse_old(self.command("show info"))
                return
            if self.exit_code is not None or time.monotonic() > deadline:
                self.kill()
                raise HaproxyError(
                    f"haproxy did not start ({self._last_words(began)}) · its configuration is "
                    f"{self._configuration} · see {self._log}"
                )
            time.sleep(0.01)

    def refuse_old(self, information: str) -> None:
        """Raise when what `show info` said is of a haproxy that cannot do what is needed here."""
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
        self._path.unlink(missing_ok=True)


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
