"""The fingerprint of a large image folder, against sha256sum."""

from __future__ import annotations

import hashlib
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Result, Way, compare
from image_builder.fingerprint import digest_files, fingerprint_of

FILES = 10_000
BYTES = 1024**3
FOLDERS = 100
SHA256SUM = "find . -type f -print0 | sort -z | xargs -0 sha256sum"


def run(rounds: int, say: Callable[[str], None]) -> Result:
    """Time both on one folder that is in the page cache, after both were seen to find the same digests."""
    with tempfile.TemporaryDirectory(prefix="bench-fingerprint-") as name:
        folder = Path(name)
        say(f"writing {FILES} files, {BYTES / 1024**3:.0f} GiB")
        write_files(folder)
        check_same(folder)
        return compare(
            f"fingerprint of {FILES:,} files, {BYTES / 1024**3:.0f} GiB, read from the page cache",
            Way(name="image_builder.fingerprint", run=lambda _: time_fingerprint(folder)),
            Way(name="find | sort | xargs sha256sum", run=lambda _: time_sha256sum(folder)),
            rounds,
            say,
        )


def write_files(folder: Path, files: int = FILES, total: int = BYTES) -> None:
    """*files* files of different contents, *total* bytes together, in FOLDERS folders."""
    block = random.Random(0).randbytes(total // files)  # noqa: S311 (contents, not secrets)
    for number in range(files):
        file = folder / f"{number % FOLDERS:03}" / f"{number:05}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(number.to_bytes(8, "big") + block[8:])


def check_same(folder: Path) -> None:
    """Raise unless both ways read the same: a fast way that skips files would be no way."""
    theirs = {
        path.removeprefix("./"): digest
        for digest, path in (line.split("  ", 1) for line in sha256sum(folder))
    }
    ours = {path: digest.partition(":")[2] for path, digest in digest_files(folder).items()}
    if ours != theirs:
        raise RuntimeError(f"the digests of {len(ours)} and {len(theirs)} files differ")


def time_fingerprint(folder: Path) -> float:
    """The seconds of one fingerprint, in this process."""
    began = time.perf_counter()
    fingerprint_of(digest_files(folder), {}, "bench")
    return time.perf_counter() - began


def time_sha256sum(folder: Path) -> float:
    """The seconds of one digest of all files, in processes of their own."""
    began = time.perf_counter()
    hashlib.sha256("\n".join(sha256sum(folder)).encode()).hexdigest()
    return time.perf_counter() - began


def sha256sum(folder: Path) -> list[str]:
    """What the command prints."""
    result = subprocess.run(
        ["sh", "-c", SHA256SUM], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return result.stdout.splitlines()
