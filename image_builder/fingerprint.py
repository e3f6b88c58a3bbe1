"""Everything that goes into an image, as one digest, and a digest per file that says what changed.

Covered: each file's path relative to the folder, its contents and its exec bit; the target of each symbolic
link; the declared variables; the family. Not covered: times, owners, other permissions, the folder's own
location and empty directories, so a fresh clone, a CI runner and a colleague's laptop agree. The git commit
is no part of it: otherwise every commit would force a build (pulumi/pulumi-docker#872).

Editors' and tools' leavings (IGNORED_*) are left out. That is safe because Packer never sees them: it runs in
a copy of exactly the files listed here (run_folder.py), with exactly these permissions.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from image_builder.errors import ImageFolderError

IGNORED_FOLDERS = frozenset({".git", ".packer-runs", "__pycache__", "packer_cache"})
IGNORED_FILES = (
    *("*.pyc", "*~", ".*.sw[op]", ".#*", "#*#", ".DS_Store"),
    ".git",  # a file in a worktree or submodule (gitrepository-layout)
    # What `packer build` by hand leaves in the folder.
    *("packer-manifest.json", "packer-manifest.json.lock", "crash.log"),
)

EXECUTABLE = "executable"
_VERSION = 1
_BATCHES_PER_WORKER = 8


def list_files(folder: Path) -> list[str]:
    """The POSIX paths, sorted, of all files and links in *folder* that go into the image."""
    if not folder.is_dir():
        raise ImageFolderError(f"{folder} is no folder · a folder with a Packer template was expected")
    try:
        return sorted(_walk(folder, folder.resolve(), PurePosixPath()))
    except OSError as error:
        raise ImageFolderError(
            f"{error.filename}: {error.strerror} · every file of an image is read"
        ) from error


def digest_files(folder: Path) -> dict[str, str]:
    """By path, `file:SHA256`, `executable:SHA256` or `link:SHA256` (of the link's target)."""
    paths = list_files(folder)
    # hashlib releases the interpreter lock while it hashes, and so does reading.
    workers = min(8, os.cpu_count() or 1)
    size = max(1, len(paths) // (workers * _BATCHES_PER_WORKER))
    batches = [paths[start : start + size] for start in range(0, len(paths), size)]
    try:
        with ThreadPoolExecutor(workers) as pool:
            digests = pool.map(lambda batch: [_digest(folder, path) for path in batch], batches)
            return dict(zip(paths, (digest for batch in digests for digest in batch), strict=True))
    except OSError as error:
        raise ImageFolderError(
            f"{error.filename}: {error.strerror} · every file of an image is read"
        ) from error


def fingerprint_of(file_digests: Mapping[str, str], variables: Mapping[str, Any], family: str) -> str:
    """The fingerprint, 64 hexadecimal digits, of an image made of these."""
    identity = {
        "version": _VERSION,
        "family": family,
        "variables": canonical(variables),
        "files": dict(file_digests),
    }
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> Any:
    """*value* as it is after a trip through Pulumi's state, where 2.0 and 2 are one number."""
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def changed_files(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What happened to each file that is not as it was, in words, sorted by path."""
    return [f"{path} {change}" for path, change in changes_by_path(old, new).items()]


def changes_by_path(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """The same, by path."""
    return {
        path: _what_happened(old.get(path), new.get(path))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    }


def _what_happened(old: str | None, new: str | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    old_kind, _, old_digest = old.partition(":")
    new_kind, _, new_digest = new.partition(":")
    if old_kind != new_kind and old_digest == new_digest:
        return "became executable" if new_kind == EXECUTABLE else "is no longer executable"
    return "changed"


def _walk(folder: Path, root: Path, inside: PurePosixPath) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = inside / entry.name
            _refuse_unreadable_name(path)
            if entry.is_symlink():
                if not _is_ignored_file(entry.name):
                    _refuse_link_out_of(root, Path(entry.path), path)
                    yield str(path)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name not in IGNORED_FOLDERS:
                    yield from _walk(Path(entry.path), root, path)
            elif not _is_ignored_file(entry.name):
                if not entry.is_file(follow_symlinks=False):
                    raise ImageFolderError(
                        f"{path} is a socket, pipe or device · only files and links go into an image"
                    )
                yield str(path)


def _is_ignored_file(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in IGNORED_FILES)


def _refuse_unreadable_name(path: PurePosixPath) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ImageFolderError(f"{str(path)!r} is no UTF-8 · rename this file") from error


def _refuse_link_out_of(root: Path, link: Path, path: PurePosixPath) -> None:
    target = str(link.readlink())
    try:
        reached = (root / path.parent / target).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: "Symlink loop", up to Python 3.12
        raise ImageFolderError(
            f"{path} links to {target}, which leads back to itself or cannot be followed · a link to a file "
            "of the folder was expected · remove it, or mend its target"
        ) from error
    # Lexically and really: what a link reaches must be inside whatever the folder's own location is.
    if Path(target).is_absolute() or not reached.is_relative_to(root):
        raise ImageFolderError(
            f"{path} links to {target}, outside the image folder · "
            "the fingerprint cannot see what is there · copy it into the folder"
        )


def _digest(folder: Path, path: str) -> str:
    file = folder / path
    status = file.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"link:{hashlib.sha256(os.fsencode(file.readlink())).hexdigest()}"
    with file.open("rb", buffering=0) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{EXECUTABLE if status.st_mode & stat.S_IXUSR else 'file'}:{digest}"
