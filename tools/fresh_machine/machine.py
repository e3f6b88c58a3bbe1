"""What is on this machine already, and what it lacks to begin with."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.fresh_machine.debian import missing_packages
from tools.fresh_machine.step import output_of
from tools.versions import Version, format_version, is_good, parse_version

# What this project was tried with begins at these versions; the next major version may differ.
PULUMI_RANGE: tuple[Version, Version] = ((3, 250), (4,))
PACKER_RANGE: tuple[Version, Version] = ((1, 11), (2,))
AMAZON_PLUGIN_RANGE: tuple[Version, Version] = ((1, 8), (2,))


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine as it was found. A tool is None where there is none of a good version on PATH."""

    lacks_ensurepip: bool
    is_systems_python: bool
    go: Version | None
    missing_packages: tuple[str, ...]
    has_apt: bool
    is_root: bool
    has_sudo: bool
    pulumi: Path | None
    has_language_host: bool
    packer: Path | None
    has_amazon_plugin: bool

    @property
    def as_root(self) -> Sequence[str]:
        """What is put before a command that only root may run."""
        return () if self.is_root else ("sudo", "-n")


def find_outside(name: str, own: Path) -> Path | None:
    """Return the program *name* on PATH, passing over what this project keeps in the folder *own*."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    others = [folder for folder in folders if folder and not Path(folder).is_relative_to(own)]
    found = shutil.which(name, path=os.pathsep.join(others))
    return Path(found) if found else None


def find_good(name: str, own: Path, versions: tuple[Version, Version]) -> Path | None:
    """Return the program *name* on PATH if its version is within *versions*."""
    found = find_outside(name, own)
    if found is None:
        return None
    printed = output_of(str(found), "version", environment={"CHECKPOINT_DISABLE": "1"})
    return found if is_good(parse_version(printed), at_least=versions[0], below=versions[1]) else None


def lists_good_amazon_plugin(listing: str) -> bool:
    """Tell whether the output of `packer plugins installed` names a good amazon plugin."""
    names = [Path(line).name for line in listing.splitlines() if "/hashicorp/amazon/" in line]
    versions = [parse_version(name.removeprefix("packer-plugin-amazon_")) for name in names]
    lowest, highest = AMAZON_PLUGIN_RANGE
    return any(is_good(version, at_least=lowest, below=highest) for version in versions)


def inspect_machine(cache: Path, *, for_tests: bool = False) -> Machine:
    """Return what is on this machine now; *for_tests* needs more packages than a run."""
    pulumi = find_good("pulumi", cache, PULUMI_RANGE)
    packer = find_good("packer", cache, PACKER_RANGE)
    host = find_outside("pulumi-language-python", cache)
    beside = pulumi is not None and (pulumi.resolve().parent / "pulumi-language-python").exists()
    is_systems_python = sys.base_prefix == "/usr"
    lacks_ensurepip = importlib.util.find_spec("ensurepip") is None
    environment = {"CHECKPOINT_DISABLE": "1", "PACKER_PLUGIN_PATH": ""}
    plugins = output_of(str(packer), "plugins", "installed", environment=environment) if packer else ""
    return Machine(
        lacks_ensurepip=lacks_ensurepip,
        is_systems_python=is_systems_python,
        go=parse_version(output_of("go", "version")),
        missing_packages=missing_packages(
            lacks_ensurepip=lacks_ensurepip and is_systems_python, for_tests=for_tests
        ),
        has_apt=shutil.which("apt-get") is not None,
        is_root=os.geteuid() == 0,
        has_sudo=shutil.which("sudo") is not None,
        pulumi=pulumi,
        has_language_host=pulumi is not None and (host is not None or beside),
        packer=packer,
        has_amazon_plugin=lists_good_amazon_plugin(plugins),
    )


def find_problems(machine: Machine, *, oldest_go: Version, needs_go: bool) -> list[str]:
    """Return, one line each, what has to be mended by hand before the set-up can begin."""
    problems = []
    if machine.lacks_ensurepip and not machine.is_systems_python:
        problems.append(
            f"{sys.executable}, not the system's Python, cannot make virtual environments (no ensurepip) "
            "· a python3 with venv is needed · install that, or put another python3 first on PATH"
        )
    if needs_go and (machine.go is None or machine.go < oldest_go):
        found = "go is not on PATH" if machine.go is None else f"go is {format_version(machine.go)}"
        problems.append(
            f"{found} · {format_version(oldest_go)} or newer builds what is missing here "
            "· install Go and put its bin folder on PATH"
        )
    if machine.missing_packages:
        names = " ".join(machine.missing_packages)
        if not machine.has_apt:
            problems.append(
                f"missing: {names} · this is no Debian (no apt-get) · install them, and run again"
            )
        elif not machine.is_root and not machine.has_sudo:
            problems.append(
                f"missing Debian packages: {names} · only root may install them, and there is no sudo "
                f"· as root: apt-get install --no-install-recommends {names}"
            )
    return problems
