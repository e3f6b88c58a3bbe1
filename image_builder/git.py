"""Which commit a folder is at, as a label on the image; never part of its identity."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 30
_SHA = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The commit that a folder is at (empty outside a repository) and whether the folder differs from it."""

    sha: str = ""
    is_dirty: bool = False


@dataclass(frozen=True, kw_only=True)
class LoggedCommit:
    """A commit as the log tells it."""

    sha: str
    subject: str


def read_commit(folder: Path) -> Commit:
    """The commit of *folder*; an empty one where git, a repository or a first commit is missing."""
    sha = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not sha:
        return Commit()
    # Only the image's own folder counts: an edited README does not make an image of unknown origin.
    return Commit(
        sha=sha, is_dirty=bool(_git(folder, "status", "--porcelain", "--untracked-files=all", "--", "."))
    )


def read_log(folder: Path, old: str, new: str) -> list[LoggedCommit] | None:
    """The commits that lead to *new* and not to *old*, newest first; None where not both are known here."""
    if not all(_SHA.fullmatch(sha) and _git(folder, "cat-file", "-t", sha) == "commit" for sha in (old, new)):
        return None
    lines = list(filter(None, _git(folder, "log", "--format=%H %s", f"{old}..{new}").split("\n")))
    # An empty log may also be one that git did not give.
    if _git(folder, "rev-list", "--count", f"{old}..{new}") != str(len(lines)):
        return None
    return [LoggedCommit(sha=line.partition(" ")[0], subject=line.partition(" ")[2]) for line in lines]


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
