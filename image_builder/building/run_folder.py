"""The private folder of one build: `.packer-runs/RUN_ID/` in the project, readable by its owner only.

Packer runs in a copy of the image folder, made of exactly the files of the fingerprint. So an edit during the
build cannot slip into the image, a file outside the folder that the template would read by relative path is
missed at once instead of going into the image unseen, and what Packer and provisioners write does not litter
the repository.

The folder is locked (flock(2)) while its run is alive: by us, and by the supervisor, which inherits the lock.
So a run whose copy of the template is still there, and which nobody has locked, was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from image_builder.building.manifest import add_manifest
from image_builder.errors import ImageFolderError
from image_builder.fingerprint import EXECUTABLE, changed_files, digest_files
from image_builder.packer_template.hcl import template_files
from image_builder.wording import shortened

RUNS = Path(".packer-runs")
RUN_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
TEMPLATE = "template"
VARIABLES = "variables.pkrvars.json"
LOG = "packer.log"
_RUNS_KEPT = 50


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Where everything of one build is."""

    run_id: str
    path: Path
    lock: int
    """The folder itself, open and locked."""

    @property
    def template(self) -> Path:
        """The copy of the image folder that Packer runs in."""
        return self.path / TEMPLATE

    @property
    def log(self) -> Path:
        """All that Packer printed."""
        return self.path / LOG

    @property
    def manifest(self) -> Path:
        """What Packer made."""
        return self.path / "manifest.json"

    @property
    def package_list(self) -> Path:
        """What is installed in the image, if its template downloads that."""
        return self.path / "packages.txt"

    @property
    def variables(self) -> Path:
        """The values of the template's variables; none is secret."""
        return self.path / VARIABLES


def new_run_id() -> str:
    """A name for a run that sorts by time and is like no other."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def make_runs_folder(project: Path) -> Path:
    """The folder of all runs in *project*."""
    runs = (project / RUNS).absolute()
    runs.mkdir(mode=0o700, exist_ok=True)
    return runs


def make_run_folder(project: Path, run_id: str) -> RunFolder:
    """The folder of a new run in *project*; those of long ago go."""
    runs = make_runs_folder(project)
    path = runs / run_id
    path.mkdir(mode=0o700)
    run = _lock(path)
    if run is None:
        raise ImageFolderError(f"{path} is in use · a new folder was expected · run it again")
    for old in _folders_in(runs)[:-_RUNS_KEPT]:
        if over := _lock(old):
            shutil.rmtree(old, ignore_errors=True)
            os.close(over.lock)
    return run


@contextlib.contextmanager
def dead_runs(project: Path, region: str) -> Iterator[list[RunFolder]]:
    """The runs of *project* that built in *region* and were killed before they could tidy up."""
    found = [
        run
        for path in _folders_in(project / RUNS)
        if (path / TEMPLATE).exists() and _region_of(path) in (region, None) and (run := _lock(path))
    ]
    try:
        yield found
    finally:
        for run in found:
            os.close(run.lock)


def _folders_in(runs: Path) -> list[Path]:
    return sorted(entry for entry in runs.iterdir() if entry.is_dir()) if runs.is_dir() else []


def _region_of(path: Path) -> str | None:
    """Where the run in *path* built, as far as its template asked."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        region = json.loads((path / VARIABLES).read_text(encoding="utf-8")).get("region")
        return region if isinstance(region, str) else None
    return None


def _lock(path: Path) -> RunFolder | None:
    """The run in *path*, locked; None while somebody else has it, or removed it just now."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return RunFolder(run_id=path.name, path=path, lock=lock)


def copy_template(folder: Path, run: RunFolder, file_digests: Mapping[str, str]) -> None:
    """Copy the files of the fingerprint, and only if they still are those that it was made of."""
    for path, digest in file_digests.items():
        _copy(folder / path, run.template / path, is_executable=digest.startswith(EXECUTABLE))
    now = digest_files(run.template) if run.template.is_dir() else {}
    if changes := changed_files(file_digests, now):
        raise ImageFolderError(
            f"{folder}: {shortened(changes)} after the fingerprint was taken · an image is built from the "
            "files that its fingerprint names · run it again"
        )


def prepare(run: RunFolder, variables: Mapping[str, Any]) -> None:
    """Write the variables, and have the copied template write its manifest here."""
    run.variables.write_text(json.dumps(dict(variables), indent=2), encoding="utf-8")
    for file in template_files(run.template):
        add_manifest(file, run.manifest)


def remove_template(run: RunFolder) -> None:
    """Remove the copy; log, variables and manifest stay."""
    shutil.rmtree(run.template, ignore_errors=True)


def close_run(run: RunFolder) -> None:
    """Tidy up, and let everybody know that the run is over.

    A run whose Packer was killed, its clean-up undone, counts as dead: its template stays to say so.
    """
    if not _was_killed(run):
        remove_template(run)
    os.close(run.lock)


def _was_killed(run: RunFolder) -> bool:
    """Whether the supervisor killed Packer's build; it writes that down (supervisor.py)."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return bool(json.loads((run.path / "build.json").read_text()).get("was_killed"))
    return False


def _copy(source: Path, target: Path, *, is_executable: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_symlink():
            target.symlink_to(source.readlink())
            return
        shutil.copyfile(source, target, follow_symlinks=False)
        # As a fresh clone would have it, whatever the umask here is.
        target.chmod(0o755 if is_executable else 0o644)
    except FileNotFoundError:
        return  # The comparison afterwards says it better.
