"""One build of a fingerprint at a time in one project folder.

Two stacks may be brought up at once, and a `pulumi up` that was killed leaves Packer's supervisor behind,
which lets Packer clean up, or finish an image that is being registered. Whoever comes second waits here, and
then finds the image instead of building it once more.

The lock is the operating system's (flock(2)), on an open file which the supervisor inherits: it is free when
the last process that has the file open is gone, however it went. Builds on other machines are not seen; there
the AMI's name, unique in an account and region, lets only the first one register (build.py), and an AMI whose
post-processors have not ended there is used: what an image has to pass belongs into its checks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from image_builder.building.run_folder import RUNS, make_runs_folder
from image_builder.errors import PackerError
from image_builder.inputs import ImageInputs

_LOOK_SECONDS = 0.5


@contextlib.contextmanager
def only_builder(project: Path, inputs: ImageInputs, show: Callable[[str], None]) -> Iterator[int]:
    """While inside, nobody else in *project* builds *inputs*; the open file that holds the lock."""
    make_runs_folder(project)
    path = _path(project, inputs)
    deadline = time.monotonic() + inputs.build_timeout_minutes * 60
    has_said = False
    while (lock := _acquire(path)) is None:
        if not has_said:
            show(f"another build of {inputs.ami_name} is under way in this folder: waiting for its end")
            has_said = True
        if time.monotonic() > deadline:
            raise PackerError(
                f"another build of {inputs.ami_name} has not ended in {inputs.build_timeout_minutes:g} min "
                f"(build_timeout_minutes) · it holds {path} · see the logs beside it, or end its processes"
            )
        time.sleep(_LOOK_SECONDS)
    try:
        yield lock
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def is_being_built(project: Path, inputs: ImageInputs) -> bool:
    """Whether somebody in *project* builds or verifies *inputs*."""
    path = _path(project, inputs)
    if not path.exists():
        return False
    lock = _acquire(path)
    if lock is not None:
        os.close(lock)
    return lock is None


def remove_free_locks(project: Path) -> None:
    """Remove the files of locks whose holder was killed."""
    for path in (project / RUNS).glob("*.lock"):
        if (lock := _acquire(path)) is not None:
            path.unlink(missing_ok=True)
            os.close(lock)


def _path(project: Path, inputs: ImageInputs) -> Path:
    return (project / RUNS).absolute() / f"{inputs.fingerprint[:12]}-{inputs.region}.lock"


def _acquire(path: Path) -> int | None:
    """The open and locked file *path*; None while somebody else has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who had it before removed the file; another one may have made it anew meanwhile.
        if os.path.samestat(os.fstat(lock), path.stat()):
            return lock
    os.close(lock)
    return None
