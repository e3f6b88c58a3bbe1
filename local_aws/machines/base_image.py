"""The disk that the first machine boots from: Debian 12, made here from the same archive this computer uses.

`python -m local_aws.machines.base_image` makes it when it is missing. Its tag is a digest of everything that
goes into it, so a changed recipe is another image, and an unchanged one is made once for all checkouts.
"""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from local_aws.home import LocalAwsError, cache_folder
from local_aws.machines import podman
from local_aws.machines.recipe import PACKAGES, STEPS, SUITE, Recipe, read_recipe


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


def _make(recipe: Recipe, say: Callable[[str], None]) -> None:
    started = time.monotonic()
    # mmdebstrap and podman put their temporary files below here too, so an interruption leaves nothing.
    with tempfile.TemporaryDirectory(prefix="local-aws-base-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        additions = folder / "additions"
        _write_additions(recipe, additions)
        disk = folder / "disk.tar"
        say(f"base image: installing Debian 12 ({len(PACKAGES)} packages and what they need), about 30 s")
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
    # Its temporary root must not be below a folder that the archive's own user cannot enter.
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        last_lines = " | ".join(result.stderr.strip().splitlines()[-3:])
        raise LocalAwsError(
            f"mmdebstrap exited {result.returncode} ({last_lines}) · it was to install Debian 12 into "
            "the base image · check that `apt-get update` works on this computer, then start again"
        )


def main() -> int:
    """Make the base image when it is missing; print its name."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        print(ensure_base_image(say))
    except LocalAwsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
