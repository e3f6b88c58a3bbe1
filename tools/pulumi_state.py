"""The folder of the local stacks' state: whether it still fits the local AWS, and what was left locked."""

import contextlib
import json
import os
import shutil
import socket
from pathlib import Path

GENERATION_FILE = "generation"


def read_generation(backend: Path) -> str | None:
    """Return the generation of the local AWS that the state in *backend* describes, if it describes any."""
    with contextlib.suppress(FileNotFoundError):
        return (backend / GENERATION_FILE).read_text().strip() or None
    return None


def write_generation(backend: Path, generation: str) -> None:
    """Record that the state in *backend* describes the local AWS of *generation*."""
    backend.mkdir(parents=True, exist_ok=True)
    temporary = backend / f".{GENERATION_FILE}.{os.getpid()}"
    temporary.write_text(f"{generation}\n")
    temporary.replace(backend / GENERATION_FILE)


def describes_lost_account(recorded: str | None, current: str, stacks: list[str]) -> bool:
    """Tell whether there is state that speaks of resources which the present local AWS does not have."""
    return bool(stacks) and recorded != current


def find_stacks(backend: Path) -> list[str]:
    """Return the names of the stacks in *backend*."""
    return sorted({file.stem for file in backend.glob(".pulumi/stacks/*/*.json")})


def remove_state(backend: Path) -> None:
    """Remove every stack in *backend*, all or none: what is half removed is never read again."""
    doomed = backend.with_name(f".{backend.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        backend.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def is_running(process: int) -> bool:
    """Tell whether *process* is a process on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find_dead_locks(backend: Path, stack: str) -> list[Path]:
    """Return the locks on *stack* whose pulumi on this machine is gone; a killed pulumi leaves its lock."""
    dead = []
    for file in backend.glob(f".pulumi/locks/**/{stack}/*.json"):
        with contextlib.suppress(ValueError, KeyError, TypeError, FileNotFoundError):
            lock = json.loads(file.read_text())
            if lock["hostname"] == socket.gethostname() and not is_running(int(lock["pid"])):
                dead.append(file)
    return dead
