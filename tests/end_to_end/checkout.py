"""A checkout of the project of its own, with its own stacks, for one end-to-end story."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
COMMAND_TIMEOUT_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a command ended and all that it printed."""

    exit_code: int
    output: str


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The project's files in a git repository of their own, and the shell environment to run them in."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str, timeout_seconds: float = COMMAND_TIMEOUT_SECONDS) -> Result:
        """Run *command* here to its end; its exit code is the caller's to judge."""
        with self.start(*command) as process:
            try:
                output, _ = process.communicate(timeout=timeout_seconds)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Result(exit_code=process.returncode, output=output)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start *command* here, in a process group of its own, with its output on one pipe."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def must(self, *command: str) -> str:
        """Run *command* and return what it printed; a failure fails the test with all of it."""
        result = self.run(*command)
        assert result.exit_code == 0, f"{' '.join(command)} exited {result.exit_code}:\n{result.output}"
        return result.output

    def has_stack(self, stack: str) -> bool:
        """Whether `pulumi stack init` was run for *stack*."""
        return self.run("pulumi", "stack", "select", stack).exit_code == 0

    def init(self, stack: str, **config: object) -> None:
        """Create *stack*, with *config* on top of what its file in the repository says."""
        self.must("pulumi", "stack", "init", stack)
        self.configure(stack, **config)

    def configure(self, stack: str, **config: object) -> None:
        """Set *config* of *stack*."""
        pairs = [word for key, value in config.items() for word in ("--plaintext", f"{key}={value}")]
        if pairs:
            self.must("pulumi", "config", "set-all", *pairs, "--stack", stack)

    @contextlib.contextmanager
    def with_stack(self, stack: str, **config: object) -> Iterator[None]:
        """*stack* as init makes it; on leaving it is destroyed and forgotten, also where something failed."""
        try:
            self.init(stack, **config)
            yield
        finally:
            try:
                self.must("pulumi", "destroy", "--yes", "--stack", stack)
            finally:
                # The next story finds no stack of this name, whatever this one left.
                self.must("pulumi", "stack", "rm", "--yes", "--force", "--preserve-config", stack)

    def up(self, stack: str) -> str:
        """`pulumi up`, which must succeed; what it printed."""
        return self.must("pulumi", "up", "--yes", "--skip-preview", "--stack", stack)

    def failing_up(self, stack: str) -> str:
        """`pulumi up`, which must fail; what it printed."""
        result = self.run("pulumi", "up", "--yes", "--skip-preview", "--stack", stack)
        assert result.exit_code != 0, f"pulumi up succeeded, but had to fail:\n{result.output}"
        return result.output

    def preview(self, stack: str) -> str:
        """`pulumi preview --diff`, which must succeed; what it printed."""
        return self.must("pulumi", "preview", "--diff", "--stack", stack)

    def outputs(self, stack: str) -> dict[str, Any]:
        """The stack's outputs."""
        outputs = json.loads(self.must("pulumi", "stack", "output", "--json", "--stack", stack))
        assert isinstance(outputs, dict)
        return outputs

    def image_builder(self, *arguments: str) -> Any:
        """What `python -m image_builder` says to programs."""
        return json.loads(
            self.must(f"{self.folder}/.venv/bin/python", "-m", "image_builder", *arguments, "--json")
        )

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace *old*, which must be there, with *new* in a file, and commit that."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new))
        self.commit(f"Edit {path}")

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.must("git", "add", "--all")
        self.must("git", "commit", "--quiet", "--message", message)


def copy_project(folder: Path, environment: Mapping[str, str]) -> Checkout:
    """The files that git would commit, in a new repository at *folder*, with this run's packages."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listing.split("\0")):
        if (PROJECT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    checkout = Checkout(folder=folder, environment=environment)
    checkout.must("git", "init", "--quiet", "--initial-branch", "main")
    checkout.must("git", "config", "user.name", "A Developer")
    checkout.must("git", "config", "user.email", "developer@example.com")
    (folder / ".git/info/exclude").write_text(".venv\n")
    checkout.commit("Begin")
    return checkout


def ask(url: str) -> dict[str, Any]:
    """What the page's /version at *url* answers."""
    with urllib.request.urlopen(f"{url.rstrip('/')}/version", timeout=5) as answer:
        version = json.load(answer)
    assert isinstance(version, dict)
    return version


def wait_until(condition: Callable[[], bool], what: str, timeout_seconds: float = 120) -> None:
    """Return once *condition* holds; fail naming *what* when it does not in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_seconds:.0f} s still not so: {what}")
        time.sleep(0.2)
