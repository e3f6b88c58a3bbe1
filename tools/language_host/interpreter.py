"""Which Python runs a program: the one of the project's `virtualenv` option, or else this one."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class InterpreterError(Exception):
    """The program's Python cannot be used; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python executable and, where it belongs to a virtual environment, that environment's folder."""

    executable: str
    virtual_environment: Path | None = None

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return *base* as the virtual environment's `activate` script would leave it."""
        environment = dict(base)
        if self.virtual_environment is not None:
            environment["VIRTUAL_ENV"] = str(self.virtual_environment)
            environment["PATH"] = f"{self.virtual_environment / 'bin'}:{environment.get('PATH', '')}"
            environment.pop("PYTHONHOME", None)
        return environment

    def site_packages(self) -> list[Path]:
        """Return the folders in which this Python's packages are installed."""
        if self.virtual_environment is not None:
            return sorted(self.virtual_environment.glob("lib/python3*/site-packages"))
        return [Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]


def virtual_environment_folder(root: str, options: Mapping[str, object]) -> Path | None:
    """Return the folder that the project's runtime options name, or None where they name none."""
    toolchain = options.get("toolchain") or "pip"
    if toolchain != "pip":
        raise InterpreterError(
            f"Pulumi.yaml: runtime option toolchain is {toolchain!r}; this stand-in for "
            "pulumi-language-python knows pip only; use pip or install Pulumi's own distribution"
        )
    name = options.get("virtualenv")
    return Path(root, str(name)) if name else None


def choose_interpreter(root: str, options: Mapping[str, object]) -> Interpreter:
    """Return the Python that runs the program in *root*; raise InterpreterError if it is not there."""
    folder = virtual_environment_folder(root, options)
    if folder is None:
        return Interpreter(executable=sys.executable)
    executable = folder / "bin" / "python"
    if not executable.exists():
        raise InterpreterError(
            f"Pulumi.yaml: runtime option virtualenv is {str(options['virtualenv'])!r}, but {folder} is no "
            "virtual environment; create it with `make setup` or `pulumi install`"
        )
    return Interpreter(executable=str(executable), virtual_environment=folder)
