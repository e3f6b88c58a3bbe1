"""The one caller of podman: argument lists in, facts out.

What a computer lets a container have differs (cgroup version, resource limits, capabilities), so the flags
that work are found by trying, once for each server, with the image that machines boot from.
"""

from __future__ import annotations

import functools
import json
import resource
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.home import LocalAwsError

HOME_LABEL = "local-aws"
MACHINE_MEMORY = "512m"
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


def candidate_flags(open_files: int, processes: int) -> Iterator[Flags]:
    """Sets of flags to try, the most like a real machine first.

    SYS_ADMIN lets systemd isolate services as their units ask (some end with 226/NAMESPACE without it),
    SYS_BOOT lets a machine reboot. Limits are named where the runtime may not raise them to podman's own.
    """
    limits = (f"--ulimit=nofile={open_files}:{open_files}", f"--ulimit=nproc={processes}:{processes}")
    boot = "--cap-add=SYS_BOOT"
    for general in ((), ("--cgroup-manager=cgroupfs",), ("--cgroup-manager=cgroupfs", "--runtime=runc")):
        for capabilities in (("--cap-add=SYS_ADMIN", boot), (boot,), ()):
            for memory in ((f"--memory={MACHINE_MEMORY}",), ()):
                for chosen in ((), limits):
                    yield Flags(general=general, machine=(*capabilities, *memory, *chosen))


@functools.cache
def working_flags(image: str) -> Flags:
    """The first flags with which a container of *image* starts here."""
    open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    first_failure: PodmanError | None = None
    for flags in candidate_flags(_bounded(open_files, 65_536), _bounded(processes, 30_000)):
        try:
            run([*flags.general, "run", "--rm", "--systemd=always", *flags.machine, image, "/bin/true"])
        except PodmanError as error:
            first_failure = first_failure or error
        else:
            return flags
    raise PodmanError(
        f"{first_failure} · no set of flags starts a container here · "
        "check that `podman run` works on this computer"
    )


def _bounded(limit: int, most: int) -> int:
    return most if limit == resource.RLIM_INFINITY else min(limit, most)


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


def run_machine(spec: MachineSpec, base_image: str) -> None:
    """Make the machine of *spec* and start it."""
    run(machine_arguments(spec, working_flags(base_image)))


def start_machine(name: str, base_image: str) -> None:
    """Start a stopped machine again, with its disk as it was."""
    run([*working_flags(base_image).general, "start", name])


def stop_machine(name: str, seconds: int) -> None:
    """Let the machine's services end, and end them by force after *seconds*."""
    run(["stop", f"--time={seconds}", name], timeout_seconds=seconds + 60)


def remove_machine(name: str) -> None:
    """Remove the machine with its disk, by force; nothing to do when it is gone."""
    remove_machines([name])


def machine_process(name: str) -> int:
    """The process id of the machine's systemd, 0 when it does not run."""
    return int(run(["container", "inspect", "--format", "{{.State.Pid}}", name]))


def exit_status(name: str) -> int | None:
    """How the machine's systemd ended; None when the machine no longer exists."""
    try:
        return int(run(["container", "inspect", "--format", "{{.State.ExitCode}}", name]))
    except PodmanError:
        return None


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


def images_named(prefix: str) -> list[str]:
    """The names of all images that begin with *prefix*."""
    images = json.loads(run(["images", "--format", "json"]) or "[]")
    names: Iterable[str] = (name for image in images for name in image.get("Names") or [])
    return sorted({name for name in names if name.startswith(prefix)})


def remove_machines(names: Sequence[str]) -> None:
    """Remove all these machines at once and by force."""
    if names:
        run(["rm", "--force", "--ignore", "--volumes", "--time=0", *names], timeout_seconds=300)


def image_exists(image: str) -> bool:
    """Is *image* in podman's store?"""
    return bool(run(["images", "--quiet", "--filter", f"reference={image}"]).strip())


def image_created(image: str) -> str:
    """When *image* was made, in ISO 8601."""
    return run(
        ["image", "inspect", "--format", '{{.Created.Format "2006-01-02T15:04:05.000Z"}}', image]
    ).strip()


def import_image(disk: Path, image: str) -> None:
    """Make *image* of the tar archive *disk*; whole or not at all."""
    run(["import", "--quiet", f'--change=CMD ["{INIT}"]', str(disk), image], timeout_seconds=600)
