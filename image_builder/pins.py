"""The AMIs that the stacks of this checkout pin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from image_builder.errors import ImageBuildError

_KEY = "pinnedAmi"


def pinned_amis(project: Path) -> dict[str, list[str]]:
    """The files (`Pulumi.prod.yaml`) that pin each AMI; ImageBuildError for a file that cannot be read."""
    pins: dict[str, list[str]] = {}
    for file in sorted(project.glob("Pulumi.*.yaml")):
        pin = _pin_in(file)
        if pin:
            pins.setdefault(pin, []).append(file.name)
    return pins


def _pin_in(file: Path) -> str:
    try:
        content: Any = yaml.safe_load(file.read_text())
        config: dict[str, Any] = (content or {}).get("config") or {}
        pins = {key: value for key, value in config.items() if key.rpartition(":")[2] == _KEY}
    except (OSError, UnicodeDecodeError, AttributeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ImageBuildError(
            f"{file.name} cannot be read: {said} · a stack's config was expected, which may pin an AMI "
            "· mend it"
        ) from None
    for key, value in pins.items():
        if not isinstance(value, str):
            raise ImageBuildError(
                f"{file.name}: {key} is a secret or no text · the id of an AMI was expected, which is not to "
                f"be removed · pulumi config set {_KEY} ami-... in that stack"
            )
        return value
    return ""
