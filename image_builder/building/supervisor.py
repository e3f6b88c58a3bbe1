"""Runs Packer so that it cleans up after itself, whatever happens to the process that asked for it.

A small process of its own, in a session of its own, between the provider and Packer. Pulumi's second Ctrl-C
and a lost terminal kill the provider at once; its child would live on with nobody to stop it. This process
holds the read end of a pipe whose write end only the provider has: end of file there means that the provider
is dead. It then does, as when it is signalled itself, what a terminal does on Ctrl-C: SIGINT to Packer's
whole process group.

A dead provider does not end a command that has printed a line which matches --finish-after: it goes on.
Packer that is interrupted while it registers an AMI deregisters it, or leaves it behind without waiting for
it (packer-plugin-amazon v1.8.0, builder/ebs/step_create_ami.go), though the work of the build is done.

- To the group, because Packer's outer process (panicwrap) ignores SIGINT without passing it on (it forwards
  SIGTERM only; packer v1.15.0 main.go), and the inner one is what cancels the build and cleans up.
- Packer's plugins ignore SIGINT and SIGTERM (packer-plugin-sdk plugin/server.go, "Eat the interrupts"); they
  end with the inner process, after the clean-up that runs in them.
- Only after a grace period SIGKILL, again to the group. SIGQUIT to us asks for a short one: for a Packer
  whose clean-up cannot succeed.

Standard library only: it is started by path, without importing the package, so it starts in milliseconds and
keeps working while the project's files change under it. Packer writes to the log file itself: no pipe to a
dead reader.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

DEFAULT_GRACE_SECONDS = 600.0
DEFAULT_FINISH_SECONDS = 3600.0
_READY = b"."
SHORT_GRACE_SECONDS = 5.0
_ENDED, _TOLD, _HURRIED, _ORPHANED, _LATE = "ended", "told to stop", "hurried", "orphaned", "late"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command to its end, or until told to stop; its exit code is also in the result file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--log", type=Path, required=True, help="what the command prints is appended here")
    parser.add_argument("--result", type=Path, required=True, help="how it ended is written here, as JSON")
    parser.add_argument(
        "--grace-seconds", type=float, default=DEFAULT_GRACE_SECONDS, help="from interrupt to kill"
    )
    parser.add_argument("--finish-after", help="once printed (a pattern), a dead provider ends nothing")
    parser.add_argument(
        "--finish-seconds",
        type=float,
        default=DEFAULT_FINISH_SECONDS,
        help="the longest that it then goes on",
    )
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    with options.log.open("ab", buffering=0) as log:
        begin = log.tell()
        try:
            child = subprocess.Popen(
                options.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        except OSError as error:
            log.write(f"{options.command[0]}: {error.strerror}\n".encode())
            _write_result(options.result, exit_code=127, was_stopped=False, was_killed=False)
            return 127
        ended = threading.Event()
        threading.Thread(target=_tell_when_ended, args=(child, ended, wake_write), daemon=True).start()

        why = _wait([wake_read, sys.stdin.fileno()], ended)
        if why == _ORPHANED and _has_printed(options.log, begin, options.finish_after):
            log.write(b"whoever asked for this is gone: it goes on to its end\n")
            why = _wait([wake_read], ended, options.finish_seconds)
        was_stopped, was_killed = why != _ENDED, False
        if was_stopped:
            _signal_group(child.pid, signal.SIGINT)
            grace_seconds = SHORT_GRACE_SECONDS if why == _HURRIED else options.grace_seconds
            if not ended.wait(grace_seconds):
                was_killed = True
                log.write(f"still running {grace_seconds:.0f} s after its interrupt: killed\n".encode())
        # Also what outlived a Packer that has ended: nothing of a build stays behind.
        _signal_group(child.pid, signal.SIGKILL)
        ended.wait()
    _write_result(options.result, exit_code=child.returncode, was_stopped=was_stopped, was_killed=was_killed)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _tell_when_ended(child: subprocess.Popen[bytes], ended: threading.Event, wake: int) -> None:
    child.wait()
    ended.set()
    with contextlib.suppress(BlockingIOError):  # A full pipe wakes the reader as well.
        os.write(wake, _READY)


def _wait(sources: Sequence[int], ended: threading.Event, seconds: float | None = None) -> str:
    """Why the waiting is over: the command ended, a signal came, our standard input or the time ended."""
    while True:
        readable, _, _ = select.select(sources, [], [], seconds)
        if ended.is_set():
            return _ENDED
        if not readable:
            return _LATE
        for source in readable:
            data = os.read(source, 4096)
            if source == sys.stdin.fileno() and not data:
                return _ORPHANED
            if source != sys.stdin.fileno() and data.strip(_READY):
                return _HURRIED if signal.SIGQUIT in data else _TOLD


def _has_printed(log: Path, begin: int, pattern: str | None) -> bool:
    """Whether the command has printed a line that matches *pattern*."""
    with log.open("rb") as stream:
        stream.seek(begin)
        return pattern is not None and any(re.search(pattern.encode(), line) for line in stream)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        os.killpg(group, number)


def _write_result(path: Path, *, exit_code: int, was_stopped: bool, was_killed: bool) -> None:
    result = {
        "exit_code": exit_code,
        "was_stopped": was_stopped,
        "was_killed": was_killed,
        "ended_at": time.time(),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(result))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
