"""What the Pulumi files of this checkout say: the project's name, and what its stacks want of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from image_builder.errors import ImageBuildError

_KEY = "pinnedAmi"
_PROJECT = "Pulumi.yaml"


def require_project(folder: Path) -> None:
    """Refuse a *folder* without a Pulumi project: what its stacks pin is not known elsewhere."""
    if not (folder / _PROJECT).is_file():
        raise ImageBuildError(
            f"{folder} has no {_PROJECT} · the folder of the project was expected, whose stacks may pin "
            "images · run it there"
        )


def project_of(folder: Path) -> str:
    """The name of the project in *folder*; empty where there is none."""
    file = folder / _PROJECT
    return str((_read(file) or {}).get("name") or "") if file.is_file() else ""


def pinned_amis(project: Path) -> dict[str, list[str]]:
    """The files (`Pulumi.prod.yaml`) that pin each AMI; ImageBuildError for a file that cannot be read."""
    pins: dict[str, list[str]] = {}
    for file in sorted({*project.glob("Pulumi.*.yaml"), *project.glob(_PROJECT)}):
        pin = _pin_in(file)
        if pin:
            pins.setdefault(pin, []).append(file.name)
    return pins


def config_of(project: Path, stack: str) -> dict[str, Any]:
    """The config of *stack* by key, without namespaces: its own file's over what Pulumi.yaml declares."""
    require_project(project)
    file = project / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(one.name for one in project.glob("Pulumi.*.yaml"))) or "none"
        raise ImageBuildError(
            f"there is no {file.name} · the config of a stack was expected, and there is {there} · "
            "name another stack"
        )
    return {**_config_in(project / _PROJECT), **_config_in(file)}


def _pin_in(file: Path) -> str:
    value = _config_in(file).get(_KEY) or ""
    if not isinstance(value, str):
        raise ImageBuildError(
            f"{file.name}: {_KEY} is a secret or no text · the id of an AMI was expected, which is not to be "
            f"removed · pulumi config set {_KEY} ami-... in that stack"
        )
    return value


def _config_in(file: Path) -> dict[str, Any]:
    config = _read(file).get("config") or {}
    return {str(key).rpartition(":")[2]: _plain(value) for key, value in config.items()}


def _plain(value: Any) -> Any:
    """In Pulumi.yaml a key has a type, and a default or a value."""
    if isinstance(value, dict) and "secure" not in value:
        return value.get("value", value.get("default", ""))
    return value


def _read(file: Path) -> dict[str, Any]:
    try:
        content: Any = yaml.safe_load(file.read_text()) or {}
        (content.get("config") or {}).items()
    except (OSError, UnicodeDecodeError, AttributeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ImageBuildError(
            f"{file.name} cannot be read: {said} · a stack's config was expected, as it may pin an AMI "
            "· mend it"
        ) from None
    read: dict[str, Any] = content
    return read
