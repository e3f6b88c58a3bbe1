"""Debian packages: which are missing, and how apt installs them."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.fresh_machine.step import Work

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Debian package, and the file or command by which it is known to be there, whoever installed it."""

    name: str
    provides: str


# podman runs the machines, haproxy balances their load, mmdebstrap makes the first machine's disk.
PACKAGES = (
    Package(name="podman", provides="podman"),
    Package(name="haproxy", provides="haproxy"),
    Package(name="mmdebstrap", provides="mmdebstrap"),
    Package(name="debian-archive-keyring", provides="/usr/share/keyrings/debian-archive-keyring.gpg"),
    Package(name="runc", provides="runc"),  # podman's default, crun, refuses some control group set-ups
    Package(name="iptables", provides="iptables"),  # podman publishes ports with it
    Package(name="uidmap", provides="newuidmap"),  # machines and mmdebstrap without root
    Package(name="slirp4netns", provides="slirp4netns"),  # network without root
)
# A report is tried in a real browser.
PACKAGES_FOR_TESTS = (
    Package(name="chromium", provides="chromium"),
    Package(name="chromium-driver", provides="chromedriver"),
)
VIRTUAL_ENVIRONMENTS = Package(name="python3-venv", provides="ensurepip of the system's Python")


def is_provided(package: Package) -> bool:
    """Tell whether what *package* provides is on this machine."""
    if package.provides.startswith("/"):
        return Path(package.provides).exists()
    return shutil.which(package.provides, path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}") is not None


def missing_packages(
    *, lacks_ensurepip: bool, for_tests: bool = False, is_there: Callable[[Package], bool] = is_provided
) -> tuple[str, ...]:
    """Return the names of the packages that have to be installed."""
    needed = [*PACKAGES, *(PACKAGES_FOR_TESTS if for_tests else ())]
    missing = [package.name for package in needed if not is_there(package)]
    return (*missing, *([VIRTUAL_ENVIRONMENTS.name] if lacks_ensurepip else []))


def apt_commands(packages: Sequence[str], root: Sequence[str]) -> list[list[str]]:
    """Return the commands that install *packages*; *root* is put before each (nothing, or sudo)."""
    apt = [
        *root,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "--yes",
        "-o",
        "DPkg::Lock::Timeout=600",
    ]
    return [
        # An earlier installation may have been interrupted; this ends it, and does nothing otherwise.
        [*root, "env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--configure", "-a"],
        [*apt, "update"],
        [*apt, "install", "--no-install-recommends", *packages],
    ]


def install(work: Work, packages: Sequence[str], root: Sequence[str]) -> None:
    """Install *packages* with apt."""
    for command in apt_commands(packages, root):
        work.run(*command)
