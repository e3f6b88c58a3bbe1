"""Which commit a folder is at, as a label on the image; never part of its identity."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The commit that a folder is at (empty outside a repository) and whether the folder differs from it."""

    sha: str = ""
    is_dirty: bool = False


def read_commit(folder: Path) -> Commit:
    """The commit of *folder*; an empty one where git, a repository or a first commit is missing."""
    sha = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not sha:
        return Commit()
    # Only the image's own folder counts: an edited README does not make an image of unknown origin.
    return Commit(
        sha=sha, is_dirty=bool(_git(folder, "status", "--porcelain", "--untracked-files=all", "--", "."))
    )


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
