"""Runs one command as the real provider does: both streams captured, logged by line, and told on failure."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import psutil

from local_aws.plugins.command_properties import Command

Log = Callable[[str], None]


class CommandError(Exception):
    """The command did not start or did not end well; the message ends with what it printed."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a command printed, without the last newline."""

    stdout: str = ""
    stderr: str = ""


def command_environment(command: Command, previous: Output, base: dict[str, str]) -> dict[str, str]:
    """Return *base*, the command's own variables and what the previous one printed; the last wins."""
    environment = {**base, **command.environment}
    if command.adds_previous_output:
        if previous.stdout:
            environment["PULUMI_COMMAND_STDOUT"] = previous.stdout
        if previous.stderr:
            environment["PULUMI_COMMAND_STDERR"] = previous.stderr
    return environment


def describe_end(status: int) -> str:
    """Return how a process ended, in the real provider's words."""
    if status < 0:
        return f"signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"exit status {status}"


class Runner:
    """Runs commands, and can end all that are running."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(self, text: str, command: Command, previous: Output, log: Log) -> Output:
        """Run *text* with the settings of *command*; return what it printed or raise CommandError."""
        quoted = json.dumps(text, ensure_ascii=False)
        try:
            process = subprocess.Popen(
                [*command.interpreter, text],
                cwd=command.dir,
                env=command_environment(command, previous, dict(os.environ)),
                stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise CommandError(f"{error}: running {quoted}") from error
        self._running.add(process)
        try:
            stdout, stderr, both = _communicate(process, command, log)
        finally:
            self._running.discard(process)
        if process.returncode != 0:
            raise CommandError(f"{describe_end(process.returncode)}: running {quoted}:\n{both}")
        return Output(stdout=stdout.removesuffix("\n"), stderr=stderr.removesuffix("\n"))

    def cancel(self) -> None:
        """End every running command and what it has started."""
        for process in list(self._running):
            started: list[psutil.Process] = []
            with contextlib.suppress(psutil.NoSuchProcess):
                started = psutil.Process(process.pid).children(recursive=True)
            # The command first: a shell whose child were gone could still end well.
            process.kill()
            for descendant in started:
                with contextlib.suppress(psutil.NoSuchProcess):
                    descendant.kill()


def _communicate(process: subprocess.Popen[bytes], command: Command, log: Log) -> tuple[str, str, str]:
    """Return standard output, standard error, and both in the order in which they were printed."""
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 (asked for with PIPE)
    both: list[bytes] = []
    stdout: list[bytes] = []
    stderr: list[bytes] = []

    def follow(stream: IO[bytes], kept: list[bytes], is_logged: bool) -> None:
        for line in stream:
            kept.append(line)
            both.append(line)
            if is_logged:
                log(line.decode(errors="replace").rstrip("\n"))

    followers = [
        threading.Thread(
            target=follow, args=(process.stdout, stdout, command.logging in {"stdout", "stdoutAndStderr"})
        ),
        threading.Thread(
            target=follow, args=(process.stderr, stderr, command.logging in {"stderr", "stdoutAndStderr"})
        ),
    ]
    for follower in followers:
        follower.start()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write((command.stdin or "").encode())
    process.wait()
    # As with the real provider, a background process that holds a stream open keeps the command running.
    for follower in followers:
        follower.join()
    for stream in (process.stdout, process.stderr):
        stream.close()
    return tuple(b"".join(part).decode(errors="replace") for part in (stdout, stderr, both))  # type: ignore[return-value]
