"""What one machine tells of itself, with a process of this test in place of its container."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from local_aws.machines import podman
from local_aws.machines.machine import Machine
from local_aws.machines.podman import Flags, MachineSpec
from tests.support.local_aws import wait_until


class Heard:
    """What the machine told, in that order."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def running(self) -> None:
        self.words.append("running")

    def ended(self) -> None:
        self.words.append("ended")

    def stopped(self, *, by_itself: bool, message: str) -> None:
        self.words.append(f"stopped, by itself: {by_itself}, {message}")

    def terminated(self, *, by_itself: bool, message: str) -> None:
        self.words.append(f"terminated, by itself: {by_itself}, {message}")


def test_it_tells_at_once_that_it_has_ended_and_how_when_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, is_known = Heard(), threading.Event()

    def exit_status(_: str) -> int:
        is_known.wait(30)
        return 137

    with subprocess.Popen(["sleep", "60"]) as process:
        monkeypatch.setattr(podman, "run_machine", lambda *_: None)
        monkeypatch.setattr(podman, "machine_process", lambda _: process.pid)
        monkeypatch.setattr(podman, "exit_status", exit_status)
        spec = MachineSpec(
            name="m", home_name="h", hostname="m", image="i", address="127.0.0.1", ports=(), seed=tmp_path
        )
        machine = Machine(spec, Flags(), heard, threading.Semaphore())
        machine.boot()
        wait_until(lambda: heard.words == ["running"], "it runs")
        process.kill()
        try:
            wait_until(lambda: heard.words == ["running", "ended"], "it tells that it has ended")
        finally:
            is_known.set()
            wait_until(lambda: len(heard.words) > 2, "it tells how")
            machine.abandon()

    assert heard.words[2] == "stopped, by itself: True, its first process ended with status 137"
