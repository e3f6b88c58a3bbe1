"""Which commit a folder is at, as a label on the image; never part of its identity."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 30
_DUBIOUS = "dubious ownership"
"""git 2.35.2 and later refuse a repository that is another user's (git-config, safe.directory)."""
_MISTRUST = (
    "git does not tell the commit of this repository, which is another user's: none is recorded · to have "
    "one, run: git config --global --add safe.directory FOLDER"
)
_SHA = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The commit that a folder is at (empty outside a repository) and whether the folder differs from it."""

    sha: str = ""
    is_dirty: bool = False
    hindrance: str = ""
    """Why git does not tell the commit, if there is something to mend."""


@dataclass(frozen=True, kw_only=True)
class LoggedCommit:
    """A commit as the log tells it."""

    sha: str
    subject: str


def read_commit(folder: Path, files: Collection[str] = ()) -> Commit:
    """The commit of *folder*, of which *files* go into an image; an empty one where git, a repository or a
    first commit is missing.
    """
    sha, said = _run(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not sha:
        return Commit(hindrance=_MISTRUST if _DUBIOUS in said else "")
    # Only the image's own folder counts: an edited README does not make an image of unknown origin.
    is_changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=all", "--", "."))
    # What .gitignore names is in the image all the same, and in no commit.
    return Commit(sha=sha, is_dirty=is_changed or not set(files) <= _tracked(folder))


def read_log(folder: Path, old: str, new: str) -> list[LoggedCommit] | None:
    """The commits that lead to *new* and not to *old*, newest first; None where not both are known here."""
    if not all(_SHA.fullmatch(sha) and _git(folder, "cat-file", "-t", sha) == "commit" for sha in (old, new)):
        return None
    lines = list(filter(None, _git(folder, "log", "--format=%H %s", f"{old}..{new}").split("\n")))
    # An empty log may also be one that git did not give.
    if _git(folder, "rev-list", "--count", f"{old}..{new}") != str(len(lines)):
        return None
    return [LoggedCommit(sha=line.partition(" ")[0], subject=line.partition(" ")[2]) for line in lines]


def _tracked(folder: Path) -> set[str]:
    """The files that git knows in *folder*, those of submodules too."""
    return set(_git(folder, "ls-files", "-z", "--cached", "--recurse-submodules", "--", ".").split("\0"))


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, *arguments)[0]


def _run(folder: Path, *arguments: str) -> tuple[str, str]:
    """What git printed if it succeeded, and what it said against it."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env={**os.environ, "LC_ALL": "C"},
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", ""
    return result.stdout.strip("\n") if result.returncode == 0 else "", result.stderr
