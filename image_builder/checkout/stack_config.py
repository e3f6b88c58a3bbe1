"""The config of stacks, read from Pulumi's files as the program gets it from the engine: as texts by key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from image_builder.ami import AMI_ID
from image_builder.errors import ImageBuildError

PROJECT_FILE = "Pulumi.yaml"


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """The project's own config in one file, or of one stack."""

    name: str = ""
    """The file's, for what is said of it."""
    texts: Mapping[str, str | None] = field(default_factory=dict)
    """By key, without the project's name before it; None for a secret."""
    region: str = ""

    def text(self, key: str) -> str:
        """The value of *key*; empty where there is none. Raises ImageBuildError for a secret."""
        value = self.texts.get(key, "")
        if value is None:
            raise self._refusal(key, "a secret", "a plain value")
        return value

    def ami_id(self, key: str) -> str:
        """The same, an AMI's id."""
        text = self.text(key)
        if text and not AMI_ID.fullmatch(text):
            raise self._refusal(key, repr(text), "an AMI id such as ami-0123456789abcdef0")
        return text

    def is_set(self, key: str, default: bool) -> bool:
        """Whether *key* is true."""
        text = self.text(key)
        if text.lower() not in ("", "true", "false"):
            raise self._refusal(key, repr(text), "true or false")
        return text.lower() == "true" if text else default

    def items(self, key: str) -> tuple[str, ...]:
        """The values of the list *key*."""
        text = self.text(key)
        try:
            items = json.loads(text or "[]")
        except ValueError:
            items = None
        if not isinstance(items, list):
            raise self._refusal(key, repr(text), "a list, as JSON,")
        return tuple(map(str, items))

    def _refusal(self, key: str, found: str, expected: str) -> ImageBuildError:
        return ImageBuildError(
            f"{self.name}: {key} is {found} · {expected} was expected · pulumi config set {key} in that stack"
        )


def require_project(folder: Path) -> None:
    """Refuse a *folder* without a Pulumi project: what its stacks need is not known elsewhere."""
    if not (folder / PROJECT_FILE).is_file():
        raise ImageBuildError(
            f"{folder} has no {PROJECT_FILE} · the folder of the project was expected, whose stacks may pin "
            "images · run it there"
        )


def project_of(folder: Path) -> str:
    """The name of the project in *folder*; empty where there is none."""
    file = folder / PROJECT_FILE
    return str(_read(file).get("name") or "") if file.is_file() else ""


def require_name(folder: Path) -> str:
    """The name of the project in *folder*; raises ImageBuildError where there is none."""
    if name := project_of(folder):
        return name
    raise ImageBuildError(
        f"{PROJECT_FILE} names no project · one was expected here · go to the project's folder, or give "
        "--project"
    )


def config_files(folder: Path) -> list[Path]:
    """The files with the config of all stacks, and of each."""
    return sorted({*folder.glob("Pulumi.*.yaml"), *folder.glob(PROJECT_FILE)})


def config_in(file: Path, project: str) -> StackConfig:
    """What *file* has for *project*; raises ImageBuildError where it cannot be read."""
    entries = _entries(file)
    prefix = f"{project}:"
    own = {key.removeprefix(prefix): value for key, value in entries.items() if _is_own(key, prefix)}
    region = entries.get("aws:region")
    return StackConfig(
        name=file.name,
        texts={key: _text(value) for key, value in own.items()},
        region=_text(region) or "",
    )


def values_of(file: Path, key: str) -> list[str | None]:
    """The values of *key* in *file*, whatever stands before it; None for a secret."""
    return [_text(value) for full_key, value in _entries(file).items() if full_key.rpartition(":")[2] == key]


def config_of(folder: Path, stack: str) -> StackConfig:
    """The config of *stack*: its own file's over what Pulumi.yaml declares."""
    require_project(folder)
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(one.name for one in folder.glob("Pulumi.*.yaml"))) or "none"
        raise ImageBuildError(
            f"there is no {file.name} · the config of a stack was expected, and there is {there} · "
            "name another stack"
        )
    project = project_of(folder)
    common, own = config_in(folder / PROJECT_FILE, project), config_in(file, project)
    return StackConfig(name=own.name, texts={**common.texts, **own.texts}, region=own.region or common.region)


def _is_own(key: str, prefix: str) -> bool:
    # In Pulumi.yaml a key without a namespace is the project's (Pulumi docs, "Project-level configuration").
    return key.startswith(prefix) or ":" not in key


def _entries(file: Path) -> dict[str, Any]:
    return {str(key): _plain(value) for key, value in (_read(file).get("config") or {}).items()}


def _plain(value: Any) -> Any:
    """In Pulumi.yaml a key has a type, and a default or a value."""
    if isinstance(value, dict) and "secure" not in value and {"type", "value", "default"} & {*value}:
        return value.get("value", value.get("default", ""))
    return value


def _text(value: Any) -> str | None:
    """*value* as the engine hands it to the program; None for a secret."""
    if isinstance(value, dict) and "secure" in value:
        return None
    return json.dumps(value) if isinstance(value, list | dict) else str(value or "")


def _read(file: Path) -> dict[str, Any]:
    try:
        # Each value as it stands there: the engine hands texts to the program.
        content: Any = yaml.load(file.read_text(), Loader=yaml.BaseLoader) or {}  # noqa: S506 - plain texts only
        (content.get("config") or {}).items()
    except (OSError, UnicodeDecodeError, AttributeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ImageBuildError(
            f"{file.name} cannot be read: {said} · a stack's config was expected, as it may pin an AMI "
            "· mend it"
        ) from None
    read: dict[str, Any] = content
    return read
