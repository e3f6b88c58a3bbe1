"""Starting and stopping the server process, and telling whether it lives."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local_aws import locks
from local_aws.direct import open_directly
from local_aws.home import Home, LocalAwsError, forget_home, home_name, read_home, state_file
from local_aws.identity.machine_api import SOCKET
from local_aws.leftovers import MARK, remove_leftovers
from local_aws.machines.base_image import ensure_base_image

Say = Callable[[str], None]

PROJECT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 120
SECONDS_TO_STOP = 60
DEFAULT_PORT = 5570
DEFAULT_NETWORK = "127.0.1"
DEFAULT_LOAD_BALANCER_ADDRESS = "127.0.0.1"
OWN_FILES = frozenset(
    {
        "amis.json",
        "home.json",
        "load_balancing",
        "machines",
        "server.lock",
        "server.log",
        "start.lock",
        SOCKET,
    }
)
"""All that a local AWS has in its folder."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user asks of a start; None leaves the choice to start."""

    folder: Path
    port: int | None = None
    network: str | None = None
    load_balancer_address: str | None = None
    machines: str | None = None
    owner: int | None = None
    """The process without which it ends, however that one ends; None lets it stay until it is stopped."""


def server_process(folder: Path) -> int | None:
    """The process id of the server of *folder*; None when it does not run."""
    holder = locks.holder_of(locks.server_lock(folder))
    return holder.process if holder else None


def start(wishes: Wishes, say: Say) -> Home:
    """The local AWS of *wishes*, running; started when it is not."""
    folder = wishes.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(path.name for path in folder.iterdir() if not is_own(path))
    if others:
        raise LocalAwsError(
            f"{folder} holds {', '.join(others[:3])}{' …' if len(others) > 3 else ''} · an empty folder, or "
            "that of a local AWS, was expected · name another one with --home"
        )
    with _only_starter(folder):
        running = server_process(folder)
        home = read_home(folder)
        if running and home:
            _check_same(wishes, home)
            return home
        if home:
            say("the local AWS ran before and its account is gone: beginning with an empty one")
        remove_leftovers(folder, say)
        if wishes.machines != "none":
            ensure_base_image(say)
        forget_home(folder)
        _spawn(wishes, folder)
    home = read_home(folder)
    if home is None:
        raise LocalAwsError(f"{state_file(folder)} is missing · the server writes it · start again")
    return home


def _only_starter(folder: Path) -> IO[str]:
    file = (folder / "start.lock").open("a")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _check_same(wishes: Wishes, home: Home) -> None:
    for name, wanted, present in (
        ("--port", wishes.port, home.api_port),
        ("--network", wishes.network, home.network),
        ("--load-balancer-address", wishes.load_balancer_address, home.load_balancer_address),
        ("--machines", wishes.machines, home.machines),
    ):
        if wanted not in (None, 0, "auto", present):
            raise LocalAwsError(
                f"{name} {wanted} was asked for · the local AWS of {home.folder} already has {present} · "
                "run `python -m local_aws stop` first"
            )


def _spawn(wishes: Wishes, folder: Path) -> None:
    network = wishes.network or DEFAULT_NETWORK
    default_address = "" if network == "auto" else DEFAULT_LOAD_BALANCER_ADDRESS
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "local_aws.server", "--home", str(folder), "--network", network]
    command += ["--port", str(DEFAULT_PORT if wishes.port is None else wishes.port), "--report", str(writer)]
    command += ["--load-balancer-address", wishes.load_balancer_address or default_address]
    command += ["--machines", wishes.machines or "podman", "--owner", str(wishes.owner or 0)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writer],
            start_new_session=True,
            env={**os.environ, MARK: home_name(folder)},
        )
    os.close(writer)
    process.wait()  # the server itself is its child
    with os.fdopen(reader) as pipe:
        answered = select.select([pipe], [], [], SECONDS_TO_START)[0]
        line = pipe.readline() if answered else ""
    message = json.loads(line) if line else {}
    if "ready" in message:
        return
    server = server_process(folder)
    if server:
        _end(server)
    raise LocalAwsError(
        message.get("error")
        or f"the server {'ended' if answered else f'gave no answer in {SECONDS_TO_START} s'} · "
        f"it was expected to serve · read {folder / 'server.log'}"
    )


def stop(folder: Path, say: Say) -> bool:
    """End the server of *folder* and everything it started; False when there was nothing to end."""
    folder = folder.resolve()
    if not is_home(folder):
        return False
    with _only_starter(folder):
        process = server_process(folder)
        if process:
            say(f"stopping the local AWS of {folder}")
            _end(process)
        remove_leftovers(folder, say)
    return process is not None


def _end(process: int) -> None:
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], SECONDS_TO_STOP)[0]:
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def reset(folder: Path, say: Say) -> None:
    """Stop, and remove what was made in *folder*; and the folder, when nothing else is in it."""
    stop(folder, say)
    if not is_home(folder):
        return
    for path in folder.iterdir():
        if not is_own(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    others = sorted(path.name for path in folder.iterdir())
    if others:
        say(f"{folder} stays, as it holds what is not the local AWS's own: {', '.join(others)}")
    else:
        folder.rmdir()


def is_home(folder: Path) -> bool:
    """Whether a local AWS was started in *folder* before."""
    return any((folder / name).exists() for name in ("home.json", "server.lock", "start.lock"))


def is_own(path: Path) -> bool:
    """Whether a local AWS made *path* in its folder; write_atomically puts .NAME.… beside a file."""
    return path.name in OWN_FILES or path.name.startswith(tuple(f".{name}." for name in OWN_FILES))


def status(folder: Path) -> dict[str, Any]:
    """What there is to know of the local AWS in *folder*, also when it does not run."""
    home = read_home(folder)
    process = server_process(folder)
    result: dict[str, Any] = {"folder": str(folder.resolve()), "state": "never started", "machines": []}
    if home is None:
        return result | ({"state": "starting"} if process else {})
    result |= {
        "state": "running" if process else "not running",
        "process": process,
        "generation": home.generation,
        "endpoint_url": home.endpoint_url,
        "machines_are": home.machines,
        "network": home.network,
        "load_balancer_address": home.load_balancer_address,
        "machine_ports": list(home.machine_ports),
        "log_file": str(home.log_file),
    }
    if process:
        result |= _ask_server(home)
    return result


def _ask_server(home: Home) -> dict[str, Any]:
    try:
        with open_directly(f"{home.endpoint_url}/local-aws/status", timeout_seconds=30) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError) as error:
        raise LocalAwsError(
            f"{home.endpoint_url} does not answer ({error}) · its server process runs and should · "
            f"read {home.log_file}, then run `python -m local_aws stop`"
        ) from error
