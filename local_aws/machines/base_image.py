"""The disk that the first machine boots from: Debian 12, made here from the same archive this computer uses.

`python -m local_aws.machines.base_image` makes it when it is missing. Its tag is a digest of everything that
goes into it, so a changed recipe is another image, and an unchanged one is made once for all checkouts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from local_aws.home import LocalAwsError, cache_folder
from local_aws.machines import podman
from local_aws.machines.recipe import PACKAGES, STEPS, SUITE, Recipe, read_recipe

WORK_FOLDER_PREFIX = "local-aws-base-image-"


def is_made(recipe: Recipe) -> bool:
    """Is the image of *recipe* in podman's store?"""
    return podman.image_exists(recipe.tag)


def existing_base_image() -> str:
    """The name of the base image, which must have been made."""
    recipe = read_recipe()
    if not is_made(recipe):
        raise LocalAwsError(
            f"{recipe.tag} is missing · machines boot from it · run `python -m local_aws.machines.base_image`"
        )
    return recipe.tag


def ensure_base_image(say: Callable[[str], None]) -> str:
    """The name of the base image, made first when it is missing; one maker at a time on this computer."""
    recipe = read_recipe()
    if is_made(recipe):
        return recipe.tag
    with _only_maker(say):
        if not is_made(recipe):
            _make(recipe, say)
    return recipe.tag


@contextlib.contextmanager
def _only_maker(say: Callable[[str], None]) -> Iterator[None]:
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "base-image.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("base image: another process is making it; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_stale_work(temporary: Path, mounts: str) -> None:
    """Remove what a maker that was killed left in *temporary*; the caller is the only maker now.

    A folder with something mounted below it (*mounts* is the text of /proc/mounts) is left alone: removing
    would reach into what is mounted.
    """
    for folder in temporary.glob(f"{WORK_FOLDER_PREFIX}*"):
        if folder.stat().st_uid == os.getuid() and f" {folder}/" not in mounts:
            shutil.rmtree(folder, ignore_errors=True)


def _make(recipe: Recipe, say: Callable[[str], None]) -> None:
    remove_stale_work(Path(tempfile.gettempdir()), Path("/proc/mounts").read_text())
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=WORK_FOLDER_PREFIX) as name:
        folder = Path(name)
        folder.chmod(0o755)
        additions = folder / "additions"
        _write_additions(recipe, additions)
        disk = folder / "disk.tar"
        say(f"base image: installing Debian 12 and {len(PACKAGES)} packages, about 30 s")
        _run_mmdebstrap(recipe, additions, disk)
        say(f"base image: importing it into podman ({time.monotonic() - started:.0f} s so far)")
        podman.import_image(disk, recipe.tag)
    say(f"base image: made {recipe.tag} in {time.monotonic() - started:.0f} s")


def _write_additions(recipe: Recipe, additions: Path) -> None:
    additions.mkdir()
    files = [*recipe.overlay, ("etc/apt/apt.conf.d/90archive-access", recipe.apt_settings.encode())]
    files += [(f"usr/local/share/ca-certificates/{name}", content) for name, content in recipe.certificates]
    for name, content in files:
        path = additions / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)


def _run_mmdebstrap(recipe: Recipe, additions: Path, disk: Path) -> None:
    command = ["mmdebstrap", "--variant=apt", f"--include={','.join(PACKAGES)}"]
    command += [f"--aptopt={line}" for line in recipe.apt_settings.splitlines()]
    command += ["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"]
    hooks = (f'cp -r --no-preserve=ownership "{additions}/." "$1/"', *STEPS)
    command += [f"--customize-hook={hook}" for hook in hooks]
    command += [SUITE, str(disk), *recipe.sources]
    failure = _run_to_the_end(command, disk.parent)
    if failure:
        raise LocalAwsError(
            f"mmdebstrap failed ({failure}) · it was to install Debian 12 into the base image · "
            "check that `apt-get update` works on this computer, then start again"
        )


def _run_to_the_end(command: list[str], folder: Path) -> str:
    """What went wrong, empty when nothing did; however this process ends, the command ends too."""
    messages = folder / "messages"
    with messages.open("w") as file:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        try:
            status = process.wait()
        except BaseException:
            process.terminate()  # mmdebstrap then unmounts and removes what it made
            process.wait()
            raise
    last_lines = " | ".join(messages.read_text(errors="replace").strip().splitlines()[-3:])
    return "" if status == 0 else f"exit status {status}: {last_lines}"


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Within it SIGTERM unwinds like Ctrl-C, so that what was begun is cleaned up."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> int:
    """Make the base image when it is missing; print its name."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        with ended_by_sigterm():
            print(ensure_base_image(say))
    except LocalAwsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("base image: interrupted; nothing is left of it", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
