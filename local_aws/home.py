"""What makes one local AWS distinct from another, and the file that remembers it.

Every part of local_aws is given a Home and nothing else; two local AWS on one machine differ in it only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

world_lock = threading.RLock()
"""Guards what background threads change in moto's objects; never held while podman or haproxy runs."""

when_a_machine_ends: list[Callable[[], None]] = []
"""What parts want called, without any lock held, when all processes of a machine have ended by themselves."""

DEFAULT_HOME = Path(".local/aws")
ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
MACHINES = ("podman", "none")
SSH_PORT = 22
SSH_PORT_WHERE_22_IS_TAKEN = 2222
FURTHER_LOAD_BALANCERS = range(2, 10)
"""The last numbers of their addresses, in the network of the machines."""


class LocalAwsError(Exception):
    """Something the user must mend; its one line says what was wrong, what was expected and what to do."""


class Part(Protocol):
    """A part of the local AWS, installed on moto: it owns its threads and child processes."""

    def start(self) -> None:
        """Begin the background work; called once, before the API is served."""

    def stop(self) -> None:
        """End every thread and child process of this part, and return when they are gone."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """One local AWS: where its state is, and which addresses and ports are its own."""

    folder: Path
    name: str
    api_port: int
    network: str
    load_balancer_address: str
    generation: str
    machine_ports: tuple[int, ...]
    machines: str = "podman"
    """One of MACHINES: what is behind an instance."""

    @property
    def endpoint_url(self) -> str:
        """The address of its API, for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def log_file(self) -> Path:
        """Where the server process writes what it did."""
        return self.folder / "server.log"

    @property
    def ssh_port(self) -> int:
        """The port of a machine's address on which its SSH server answers."""
        return SSH_PORT if SSH_PORT in self.machine_ports else SSH_PORT_WHERE_22_IS_TAKEN

    @property
    def load_balancer_addresses(self) -> tuple[str, ...]:
        """Where load balancers can be, in the order in which they are given."""
        further = (f"{self.network}.{last}" for last in FURTHER_LOAD_BALANCERS)
        return (self.load_balancer_address, *further)

    def published_ports(self) -> tuple[tuple[int, int], ...]:
        """Each (port on the machine's address, port inside the machine)."""
        return tuple(
            (port, SSH_PORT if port == SSH_PORT_WHERE_22_IS_TAKEN else port) for port in self.machine_ports
        )


def home_name(folder: Path) -> str:
    """The prefix and label of everything that the local AWS in *folder* starts."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return f"local-aws-{digest[:8]}"


def new_generation() -> str:
    """A name for an account that begins empty; whoever remembers another one knows its resources are gone."""
    return uuid.uuid4().hex


def cache_folder() -> Path:
    """The folder that all checkouts of this user share."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "immutable-machines"


def state_file(folder: Path) -> Path:
    """Where the local AWS in *folder* is remembered."""
    return folder / "home.json"


def home_to_json(home: Home) -> dict[str, Any]:
    """The state file's content for *home*."""
    return {**asdict(home), "folder": str(home.folder)}


def home_from_json(values: Mapping[str, Any]) -> Home:
    """The Home that home_to_json described."""
    return Home(
        folder=Path(values["folder"]),
        name=str(values["name"]),
        api_port=int(values["api_port"]),
        network=str(values["network"]),
        load_balancer_address=str(values["load_balancer_address"]),
        generation=str(values["generation"]),
        machine_ports=tuple(int(port) for port in values["machine_ports"]),
        machines=str(values["machines"]),
    )


def read_home(folder: Path) -> Home | None:
    """The local AWS last started in *folder*, running or not; None when there never was one."""
    path = state_file(folder)
    try:
        return home_from_json(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LocalAwsError(
            f"{path} cannot be read ({error!r}) · it is written by `python -m local_aws start` · "
            "run `python -m local_aws reset`"
        ) from error


def write_home(home: Home) -> None:
    """Remember *home* in its folder, whole or not at all."""
    home.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(state_file(home.folder), json.dumps(home_to_json(home), indent=2) + "\n")


def forget_home(folder: Path) -> None:
    """Remove what write_home wrote."""
    state_file(folder).unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of *path* so that a reader sees the old text or the new one, nothing between."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
