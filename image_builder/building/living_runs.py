"""Which runs of Packer are alive on this machine: read from the processes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

import psutil

from image_builder.building.run_folder import RUN_ID, RUNS

_RUN_FOLDER = re.compile(rf"/{re.escape(RUNS.as_posix())}/({RUN_ID.pattern})(?:/|$)")


def living_runs() -> dict[str, int]:
    """The id of each run that a process of this machine works for, and that process."""
    return {
        run_id: process.pid
        for process in psutil.process_iter()
        for run_id in _runs_of(_words_of(process, "cmdline"), _words_of(process, "cwd"))
    }


def _runs_of(command: Sequence[str], folder: Sequence[str]) -> set[str]:
    """The runs that *command*, started in *folder*, works for: Packer, a plugin of it, or its supervisor."""
    # Somebody who reads the log of a run (`tail -f`) is no part of it.
    is_part = bool(command) and (
        PurePath(command[0]).name.startswith("packer")
        or any(PurePath(word).name == "supervisor.py" for word in command[1:])
    )
    return (
        {match[1] for word in [*command, *folder] for match in _RUN_FOLDER.finditer(word)}
        if is_part
        else set()
    )


def _words_of(process: psutil.Process, name: str) -> list[str]:
    """The command line or the folder of *process*; nothing of one that ended or is another user's."""
    try:
        value: str | Iterable[str] = getattr(process, name)()
    except psutil.Error:
        return []
    return [value] if isinstance(value, str) else list(value)
