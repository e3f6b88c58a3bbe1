"""The arguments podman is given, and what its failures say."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_aws.machines import podman
from local_aws.machines.podman import Flags, MachineSpec, PodmanError, machine_arguments

SPEC = MachineSpec(
    name="local-aws-1-i-1",
    home_name="local-aws-1",
    hostname="ip-127-0-1-10",
    image="localhost/x:1",
    address="127.0.1.10",
    ports=((2222, 22), (80, 80)),
    seed=Path("/seed"),
)


def test_a_machine_is_published_on_its_own_address_only() -> None:
    arguments = machine_arguments(SPEC, Flags())

    published = [argument for argument in arguments if argument.startswith("--publish")]
    assert published == ["--publish=127.0.1.10:2222:22", "--publish=127.0.1.10:80:80"]


def test_a_machine_carries_the_label_of_its_home_and_reads_its_seed() -> None:
    arguments = machine_arguments(SPEC, Flags(general=("--runtime=runc",), machine=("--memory=512m",)))

    assert arguments[:2] == ["--runtime=runc", "run"]
    assert "--label=local-aws=local-aws-1" in arguments
    assert "--volume=/seed:/var/lib/cloud/seed/nocloud:ro" in arguments
    assert arguments[-3:] == ["--memory=512m", "localhost/x:1", "/sbin/init"]


def test_a_failure_says_the_command_its_status_and_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 125, stdout="", stderr="first\nError: no such image\n")

    monkeypatch.setattr(subprocess, "run", fail)

    with pytest.raises(PodmanError, match="podman commit name exited 125: Error: no such image"):
        podman.run(["commit", "--quiet", "name", "image"])


def test_a_computer_without_podman_is_told_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(PodmanError, match="install the package podman"):
        podman.run(["ps"])


def test_an_image_that_another_process_removes_meanwhile_does_not_spoil_a_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    removed = subprocess.CompletedProcess([], 125, stdout="", stderr="Error: retrieving label for image\n")
    listed = subprocess.CompletedProcess([], 0, stdout='[{"Names": ["localhost/x/ami-1:1"]}]', stderr="")
    answers = [removed, removed, listed]
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answers.pop(0))

    assert podman.images_named("localhost/x/") == ["localhost/x/ami-1:1"]


def test_images_that_cannot_be_listed_are_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = subprocess.CompletedProcess([], 125, stdout="", stderr="Error: the store is broken\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: broken)

    with pytest.raises(PodmanError, match="the store is broken"):
        podman.images_named("localhost/x/")


def test_machines_are_told_by_the_network_of_their_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "one 127.0.3.31:22->22/tcp, 127.0.3.31:80->80/tcp\ntwo 127.0.4.7:22->22/tcp\nthree \n"
    listed = subprocess.CompletedProcess([], 0, stdout=lines, stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: listed)

    assert podman.machines_by_network() == {"127.0.3": ["one"], "127.0.4": ["two"]}
