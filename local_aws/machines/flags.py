"""The flags that machines need on this computer, found by trying.

What a computer lets a container have differs: cgroup version, resource limits, capabilities. So it is tried
once for each server, with the image that machines boot from.
"""

from __future__ import annotations

import functools
import resource
from collections.abc import Iterator

from local_aws.machines import podman
from local_aws.machines.podman import Flags

MACHINE_MEMORY = "512m"


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
    first_failure: podman.PodmanError | None = None
    for flags in candidate_flags(_bounded(open_files, 65_536), _bounded(processes, 30_000)):
        try:
            podman.run(
                [*flags.general, "run", "--rm", "--systemd=always", *flags.machine, image, "/bin/true"]
            )
        except podman.PodmanError as error:
            first_failure = first_failure or error
        else:
            return flags
    raise podman.PodmanError(
        f"{first_failure} · no set of flags starts a container here · "
        "check that `podman run` works on this computer"
    )


def _bounded(limit: int, most: int) -> int:
    return most if limit == resource.RLIM_INFINITY else min(limit, most)
