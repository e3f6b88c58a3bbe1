"""The disk that the first machine boots from: Debian 12, made here from the same archive this computer uses.

`python -m local_aws.machines.base_image` makes it when it is missing. Its tag is a digest of everything that
goes into it, so a changed recipe is another image, and an unchanged one is made once for all checkouts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws.home import LocalAwsError, cache_folder
from local_aws.machines import podman

SUITE = "bookworm"
REPOSITORY = "localhost/immutable-machines/debian-12"
OVERLAY = Path(__file__).parent / "overlay"
ARCHIVE_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PACKAGES = (
    "ca-certificates",
    "cloud-init",
    "curl",
    "dbus",
    "iproute2",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
)
# Timers that would hold apt's lock while a provisioner wants it, and a terminal that nobody can open.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "systemd-firstboot.service",
)
# Done in the new root ("$1"), after the packages are installed and the additions copied.
STEPS = (
    'chroot "$1" update-ca-certificates',
    f'chroot "$1" systemctl mask {" ".join(MASKED_UNITS)}',
    # Every machine makes its own: systemd writes the id at first boot, cloud-init the host keys.
    'printf "uninitialized\\n" > "$1/etc/machine-id"',
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
# How apt reaches its archive is the computer's business, so the machine is told the same.
APT_SETTINGS = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::ForceIPv")
PROXY_SETTINGS = {"http_proxy": "Acquire::http::Proxy", "https_proxy": "Acquire::https::Proxy"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that goes into the base image, as it is found on this computer."""

    sources: tuple[str, ...]
    apt_settings: str
    certificates: tuple[tuple[str, bytes], ...]
    overlay: tuple[tuple[str, bytes], ...]

    @property
    def tag(self) -> str:
        """The image's name; another recipe has another name."""
        digest = hashlib.sha256()
        parts: list[tuple[str, bytes]] = [
            ("sources", "\n".join(self.sources).encode()),
            ("packages", " ".join(PACKAGES).encode()),
            ("steps", "\n".join(STEPS).encode()),
            ("apt", self.apt_settings.encode()),
            *((f"certificate {name}", content) for name, content in self.certificates),
            *((f"overlay {name}", content) for name, content in self.overlay),
        ]
        for name, content in parts:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def debian_sources(index_targets: str) -> tuple[str, ...]:
    """The lines of sources.list that name Debian 12, from `apt-get indextargets` of URI|release|component.

    Empty when this computer's archive has no Debian 12; mmdebstrap then uses its own default.
    """
    lines: list[str] = []
    for line in index_targets.splitlines():
        uri, release, component = line.split("|")[:3]
        is_debian_12 = release in (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
        entry = f"deb [signed-by={ARCHIVE_KEYRING}] {uri} {release} {component}"
        if is_debian_12 and component == "main" and entry not in lines:
            lines.append(entry)
    has_main_archive = any(f" {SUITE} " in line for line in lines)
    return tuple(lines) if has_main_archive else ()


def apt_settings(config_dump: str, environment: dict[str, str]) -> str:
    """The lines of `apt-config dump` that say how to reach an archive, and the proxies of *environment*."""
    lines = [
        line
        for line in config_dump.splitlines()
        if line.startswith(APT_SETTINGS) and not line.endswith(' "";')
    ]
    for variable, setting in PROXY_SETTINGS.items():
        value = environment.get(variable)
        if value and not any(line.startswith(f"{setting} ") for line in lines):
            lines.append(f'{setting} "{value}";')
    return "".join(f"{line}\n" for line in lines)


def files_below(folder: Path, pattern: str = "*") -> tuple[tuple[str, bytes], ...]:
    """Each file below *folder* as (relative path, content), in order."""
    if not folder.is_dir():
        return ()
    paths = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in paths)


def read_recipe() -> Recipe:
    """The recipe as this computer's apt configuration and this folder say now."""
    targets = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
            "Identifier: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    return Recipe(
        sources=debian_sources(targets.stdout),
        apt_settings=apt_settings(dump.stdout, dict(os.environ)),
        certificates=files_below(CERTIFICATES, "*.crt"),
        overlay=files_below(OVERLAY),
    )


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
