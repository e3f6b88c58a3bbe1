"""One run of a Pulumi program by the SDK's own `pulumi-language-python-exec`."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# With this exit status pulumi-language-python-exec says that the user has already been shown what went wrong.
EXIT_AFTER_SHOWING_A_MESSAGE = 32


class RunRequest(Protocol):
    """The fields of pulumirpc.RunRequest that a run depends on."""

    @property
    def monitor_address(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def stack(self) -> str: ...
    @property
    def organization(self) -> str: ...
    @property
    def pwd(self) -> str: ...
    @property
    def program(self) -> str: ...
    @property
    def args(self) -> Sequence[str]: ...
    @property
    def dryRun(self) -> bool: ...  # noqa: N802 (the protocol's name)
    @property
    def parallel(self) -> int: ...
    @property
    def config(self) -> Mapping[str, str]: ...
    @property
    def configSecretKeys(self) -> Sequence[str]: ...  # noqa: N802 (the protocol's name)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What the engine is told about a finished program; bail means that the error has already been shown."""

    error: str = ""
    bail: bool = False


def program_arguments(
    request: RunRequest, engine: str, root: str, entry_point: str, tracing: str
) -> list[str]:
    """Return the arguments of pulumi-language-python-exec for *request*."""
    flags = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "root_directory": root,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": "true" if request.dryRun else "false",
        "parallel": str(request.parallel),
        "tracing": tracing,
        "organization": request.organization,
    }
    arguments = [part for name, value in flags.items() if value for part in (f"--{name}", value)]
    return [*arguments, entry_point or request.program or ".", *request.args]


def program_environment(request: RunRequest, base: Mapping[str, str]) -> dict[str, str]:
    """Return *base* with the stack's configuration, which the SDK reads from the environment."""
    return {
        **base,
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def read_exit_status(status: int) -> RunResult:
    """Return what an exit status of pulumi-language-python-exec means."""
    if status == 0:
        return RunResult()
    if status == EXIT_AFTER_SHOWING_A_MESSAGE:
        return RunResult(bail=True)
    if status < 0:
        return RunResult(error=f"Program was ended by signal {-status}")
    return RunResult(error=f"Program exited with non-zero exit code: {status}")


def find_executor() -> Path | None:
    """Return the SDK's pulumi-language-python-exec: beside this host, or on PATH."""
    beside = Path(__file__).resolve().parent.parent / "pulumi-language-python-exec"
    on_path = shutil.which(beside.name)
    if beside.exists():
        return beside
    return Path(on_path) if on_path else None


class Children:
    """The child processes of this host, ended together."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run *command* with this process's standard output and error; return its exit status."""
        child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
        self._running.add(child)
        try:
            return child.wait()
        finally:
            self._running.discard(child)

    def terminate(self) -> None:
        """End every child: politely, and after three seconds for good."""
        running = list(self._running)
        for child in running:
            child.terminate()
        for child in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=3)
            child.kill()


def base_environment() -> dict[str, str]:
    """Return this process's environment."""
    return dict(os.environ)
