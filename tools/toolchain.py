"""Where the tools are: chosen by the set-up, remembered in .local/toolchain.json, read by everything else.

Only the standard library is used here, because the set-up runs before there is anything else.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VIRTUAL_ENVIRONMENT = ROOT / ".venv"
LOGS = ROOT / ".local" / "logs"
TOOLCHAIN_FILE = ROOT / ".local" / "toolchain.json"


class ToolchainError(Exception):
    """The set-up has not been run here, or its outcome is gone."""


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that all checkouts of this user share."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "immutable-machines"


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The folders that go on PATH, first one first, and Packer's plugins where they are our own."""

    path: tuple[str, ...]
    packer_plugin_path: str | None = None

    def is_there(self) -> bool:
        """Tell whether everything named here still exists."""
        names = [*self.path, *([self.packer_plugin_path] if self.packer_plugin_path else [])]
        return all(Path(name).is_dir() for name in names)


def write_toolchain(toolchain: Toolchain, file: Path = TOOLCHAIN_FILE) -> None:
    """Remember *toolchain*, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(toolchain), indent=2) + "\n")
    temporary.replace(file)


def read_toolchain(file: Path = TOOLCHAIN_FILE) -> Toolchain:
    """Return what the set-up chose; raise ToolchainError where it has to be run first."""
    try:
        values = json.loads(file.read_text())
        toolchain = Toolchain(path=tuple(values["path"]), packer_plugin_path=values["packer_plugin_path"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise ToolchainError("this checkout is not set up yet; run `make setup`") from error
    if not toolchain.is_there():
        raise ToolchainError("a tool that the set-up built is gone; run `make setup`")
    return toolchain
