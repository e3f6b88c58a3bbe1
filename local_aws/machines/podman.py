"""The one caller of podman: argument lists in, facts out."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.home import LocalAwsError

HOME_LABEL = "local-aws"
INIT = "/sbin/init"


class PodmanError(LocalAwsError):
    """A podman command failed."""


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The flags that machines need on this computer."""

    general: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """One machine as podman is to make it."""

    name: str
    home_name: str
    hostname: str
    image: str
    address: str
    ports: tuple[tuple[int, int], ...]
    seed: Path


EXIT_IS_KNOWN_WITHIN_SECONDS = 10.0
_PUBLISHED_NETWORK = re.compile(r"(127\.\d+\.\d+)\.\d+:")
_LISTINGS_OF_IMAGES = 10
"""A listing fails when another process removes an image meanwhile, which no ten in a row meet."""


def is_installed() -> bool:
    """Whether there can be machines at all."""
    return shutil.which("podman") is not None


def run(arguments: Sequence[str], *, timeout_seconds: float = 120) -> str:
    """What `podman ARGUMENTS` printed; PodmanError with its last line when it failed."""
    try:
        result = subprocess.run(
            ["podman", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout_seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise PodmanError(
            "podman was not found on PATH · machines are podman containers · install the package podman"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise PodmanError(
            f"podman {_subject(arguments)} did not end within {timeout_seconds:.0f} s"
        ) from error
    if result.returncode != 0:
        lines = (result.stderr.strip() or result.stdout.strip() or "no output").splitlines()
        raise PodmanError(f"podman {_subject(arguments)} exited {result.returncode}: {lines[-1]}")
    return result.stdout


def _subject(arguments: Sequence[str]) -> str:
    return " ".join([argument for argument in arguments if not argument.startswith("-")][:2])


def machine_arguments(spec: MachineSpec, flags: Flags) -> list[str]:
    """The arguments that make and start the machine of *spec*."""
    published = [f"--publish={spec.address}:{outside}:{inside}" for outside, inside in spec.ports]
    return [
        *flags.general,
        "run",
        "--detach",
        "--tty",  # systemd's console, for GetConsoleOutput
        "--systemd=always",
        "--stop-signal=SIGRTMIN+3",  # systemd's own request to halt
        f"--name={spec.name}",
        f"--hostname={spec.hostname}",
        f"--label={HOME_LABEL}={spec.home_name}",
        f"--volume={spec.seed}:/var/lib/cloud/seed/nocloud:ro",
        *published,
        *flags.machine,
        spec.image,
        INIT,
    ]


def run_machine(spec: MachineSpec, flags: Flags) -> None:
    """Make the machine of *spec* and start it."""
    run(machine_arguments(spec, flags))


def start_machine(name: str, flags: Flags) -> None:
    """Start a stopped machine again, with its disk as it was."""
    run([*flags.general, "start", name])


def stop_machine(name: str, seconds: int) -> None:
    """Let the machine's services end, and end them by force after *seconds*."""
    run(["stop", f"--time={seconds}", name], timeout_seconds=seconds + 60)


def kill_machine(name: str) -> None:
    """End the machine's processes at once, also when they are frozen."""
    run(["kill", "--signal=KILL", name])


def freeze_machine(name: str) -> None:
    """Let none of the machine's processes run."""
    run(["pause", name])


def thaw_machine(name: str) -> None:
    """Let them run again."""
    run(["unpause", name])


def remove_machine(name: str) -> None:
    """Remove the machine with its disk, by force; nothing to do when it is gone."""
    remove_machines([name])


def machine_process(name: str) -> int:
    """The process id of the machine's systemd, 0 when it does not run."""
    return int(run(["container", "inspect", "--format", "{{.State.Pid}}", name]))


def exit_status(name: str) -> int | None:
    """How the machine's systemd, which has ended, did so; None when the machine is or is being removed."""
    deadline = time.monotonic() + EXIT_IS_KNOWN_WITHIN_SECONDS
    while True:
        try:
            state = run(["container", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name])
        except PodmanError:
            return None
        status, code = state.split()
        if status == "removing":
            return None
        # While podman itself has not noticed the end, or ends it for a removal, it cannot tell which of both.
        if status in ("exited", "stopped") or time.monotonic() > deadline:
            return int(code)
        time.sleep(0.1)


def console(name: str) -> str:
    """The last of what the machine wrote to its console (AWS keeps 64 KB)."""
    return run(["logs", "--tail", "1000", name])[-65_536:]


def commit_machine(name: str, image: str) -> None:
    """Make *image* of the machine's disk; a running machine is paused meanwhile."""
    run(["commit", "--quiet", "--pause", name, image], timeout_seconds=600)


def tag_image(image: str, name: str) -> None:
    """Give *image* another name."""
    run(["tag", image, name])


def remove_image(image: str) -> None:
    """Remove *image*; layers that other images stand on stay, and nothing happens when it is gone."""
    run(["image", "rm", "--force", "--ignore", image])


def machines_of(home_name: str) -> list[str]:
    """The names of all containers of one local AWS, running or not."""
    return run(["ps", "--all", f"--filter=label={HOME_LABEL}={home_name}", "--format", "{{.Names}}"]).split()


def machines_by_network() -> dict[str, list[str]]:
    """The names of all machines of this computer, by the network (`127.0.1`) that they are published on."""
    lines = run(["ps", "--all", f"--filter=label={HOME_LABEL}", "--format", "{{.Names}} {{.Ports}}"])
    found: dict[str, list[str]] = {}
    for line in lines.splitlines():
        name, _, ports = line.partition(" ")
        for network in sorted(set(_PUBLISHED_NETWORK.findall(ports))):
            found.setdefault(network, []).append(name)
    return found


def images_named(prefix: str) -> list[str]:
    """The names of all images that begin with *prefix*."""
    images = json.loads(_list_images("--format", "json") or "[]")
    names: Iterable[str] = (name for image in images for name in image.get("Names") or [])
    return sorted({name for name in names if name.startswith(prefix)})


def remove_machines(names: Sequence[str]) -> None:
    """Remove all these machines at once and by force."""
    if names:
        run(["rm", "--force", "--ignore", "--volumes", "--time=0", *names], timeout_seconds=300)


def image_exists(image: str) -> bool:
    """Is *image* in podman's store?"""
    return bool(_list_images("--quiet", "--filter", f"reference={image}").strip())


def _list_images(*arguments: str) -> str:
    for _ in range(_LISTINGS_OF_IMAGES - 1):
        with contextlib.suppress(PodmanError):
            return run(["images", *arguments])
    return run(["images", *arguments])


def import_image(disk: Path, image: str) -> None:
    """Make *image* of the tar archive *disk*; whole or not at all."""
    run(["import", "--quiet", f'--change=CMD ["{INIT}"]', str(disk), image], timeout_seconds=600)
