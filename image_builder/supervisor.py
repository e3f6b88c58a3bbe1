"""Runs Packer so that it cleans up after itself, whatever happens to the process that asked for it.

A small process of its own, in a session of its own, between the provider and Packer. Pulumi's second Ctrl-C
and a lost terminal kill the provider at once; its child would live on with nobody to stop it. This process
holds the read end of a pipe whose write end only the provider has: end of file there means "stop", be it
asked for or because the provider is dead. It then does what a terminal does on Ctrl-C: SIGINT to Packer's
whole process group.

- To the group, because Packer's outer process (panicwrap) ignores SIGINT without passing it on (it forwards
  SIGTERM only; packer v1.15.0 main.go), and the inner one is what cancels the build and cleans up.
- Packer's plugins ignore SIGINT and SIGTERM (packer-plugin-sdk plugin/server.go, "Eat the interrupts"); they
  end with the inner process, after the clean-up that runs in them.
- Only after a grace period SIGKILL, again to the group.

Standard library only: it is started by path, without importing the package, so it starts in milliseconds and
keeps working while the project's files change under it. Packer writes to the log file itself: no pipe to a
dead reader.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

DEFAULT_GRACE_SECONDS = 600.0
_READY = b"."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command to its end, or until told to stop; its exit code is also in the result file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--log", type=Path, required=True, help="what the command prints is appended here")
    parser.add_argument("--result", type=Path, required=True, help="how it ended is written here, as JSON")
    parser.add_argument(
        "--grace-seconds", type=float, default=DEFAULT_GRACE_SECONDS, help="from interrupt to kill"
    )
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    with options.log.open("ab", buffering=0) as log:
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

        was_stopped = _wait_for_end_or_stop(wake_read, ended)
        was_killed = False
        if was_stopped:
            _signal_group(child.pid, signal.SIGINT)
            if not ended.wait(options.grace_seconds):
                was_killed = True
                log.write(
                    f"still running {options.grace_seconds:.0f} s after its interrupt: killed\n".encode()
                )
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


def _wait_for_end_or_stop(wake: int, ended: threading.Event) -> bool:
    """True when told to stop (by signal, or by the end of our standard input) before the command ended."""
    sources = [wake, sys.stdin.fileno()]
    while True:
        readable, _, _ = select.select(sources, [], [])
        if ended.is_set():
            return False
        if wake in readable and os.read(wake, 4096).strip(_READY):
            return True
        if sys.stdin.fileno() in readable and not os.read(sys.stdin.fileno(), 4096):
            return True


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
