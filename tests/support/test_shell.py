"""What a test starts in its shell does not outlive it."""

from __future__ import annotations

import os
import subprocess

from tests.support.shell import end_processes_with


def test_only_what_was_started_in_the_shell_is_ended() -> None:
    own = subprocess.Popen(["sleep", "600"], env={**os.environ, "PULUMI_BACKEND_URL": "file:///one"})
    other = subprocess.Popen(["sleep", "600"], env={**os.environ, "PULUMI_BACKEND_URL": "file:///other"})
    try:
        end_processes_with("PULUMI_BACKEND_URL", "file:///one")

        assert own.poll() is not None
        assert other.poll() is None
    finally:
        for process in (own, other):
            process.kill()
            process.wait()
