"""A local AWS of the bench's own, gone afterwards with everything in it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws import lifecycle
from tools.local_environment import local_environment
from tools.toolchain import ROOT

LAST_CHARACTERS = 4000
SECONDS_TO_END = 10
# What the program of the stack consists of.
PROGRAM = (
    "__main__.py",
    "aws_credentials.py",
    "settings",
    "Pulumi.yaml",
    "Pulumi.local.yaml",
    "image_builder",
    "infra",
    "images",
)


@dataclass(frozen=True, kw_only=True)
class LocalRun:
    """A folder to work in and the environment of a local run."""

    folder: Path
    environment: Mapping[str, str]

    def must(self, command: Sequence[str], folder: Path | None = None) -> str:
        """What *command* printed; raise with the end of that when it fails."""
        with subprocess.Popen(
            command,
            cwd=folder or self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that Ctrl-C reaches it once, from end_gently
        ) as process:
            try:
                printed, _ = process.communicate()
            except BaseException:
                end_gently(process)
                raise
        if process.returncode != 0:
            raise RuntimeError(
                f"{' '.join(command[:3])} exited {process.returncode}:\n{printed[-LAST_CHARACTERS:]}"
            )
        return printed

    def copy_program(self, folder: Path) -> None:
        """Put the project's Pulumi program into *folder*, with this run's virtual environment."""
        folder.mkdir()
        for name in PROGRAM:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / name)
        self.link_virtual_environment(folder)

    def link_virtual_environment(self, folder: Path) -> None:
        """Make `virtualenv: .venv` work in *folder*."""
        (folder / ".venv").symlink_to(sys.prefix)


def end_gently(process: subprocess.Popen[str]) -> None:
    """Interrupt *process* as Ctrl-C does, again if need be: pulumi ends its plugins only then."""
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=SECONDS_TO_END)
            return
    process.kill()


@contextlib.contextmanager
def local_run(say: Callable[[str], None]) -> Iterator[LocalRun]:
    """A local AWS with an empty account, beside any other."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        aws = folder / "aws"
        say("starting a local AWS")
        try:
            home = lifecycle.start(lifecycle.Wishes(folder=aws, port=0, network="auto"), say)
            environment = local_environment(home=home, backend=folder / "pulumi")
            yield LocalRun(folder=folder, environment=environment)
        finally:
            lifecycle.reset(aws, say)
