"""Reads versions: what tools print about themselves, and what the pinned files ask for."""

import re

Version = tuple[int, ...]


class VersionError(Exception):
    """A text does not hold the version that was looked for."""


def parse_version(text: str) -> Version | None:
    """Return the first version in *text* (`Packer v1.15.0`, `go version go1.25.11 ...`), or None."""
    found = re.search(r"(?<![\d.])(?:v|go)?(\d+(?:\.\d+){1,3})(?![\d.]*\d)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else None


def format_version(version: Version) -> str:
    """Return *version* as people write it."""
    return ".".join(str(part) for part in version)


def is_good(version: Version | None, *, at_least: Version, below: Version) -> bool:
    """Tell whether *version* is known and within the range that this project was tried with."""
    return version is not None and at_least <= version < below


def read_module_version(go_mod: str, module: str) -> str:
    """Return the version, without its v, at which the text of a go.mod requires *module*."""
    found = re.search(rf"^(?:require)?\s*{re.escape(module)} v(\S+)", go_mod, re.MULTILINE)
    if not found:
        raise VersionError(f"go.mod requires no {module}")
    return found[1]


def read_go_version(go_mod: str) -> Version:
    """Return the oldest Go that the text of a go.mod allows."""
    found = re.search(r"^go (\d+(?:\.\d+)+)$", go_mod, re.MULTILINE)
    if not found:
        raise VersionError("go.mod has no go line")
    return tuple(int(part) for part in found[1].split("."))


def read_requirement_version(requirements: str, package: str) -> str:
    """Return the version at which the text of a requirements.txt pins *package*."""
    found = re.search(rf"^{re.escape(package)}==([^\s\\;]+)", requirements, re.MULTILINE | re.IGNORECASE)
    if not found:
        raise VersionError(f"requirements.txt pins no {package}")
    return found[1]
