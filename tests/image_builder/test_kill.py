"""A build whose provider is killed is interrupted, cleans up after itself, and is gone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pulumi.runtime import rpc

from image_builder.building.run_folder import RUNS
from tests.image_builder.emulated_ec2 import EmulatedEc2
from tests.image_builder.provider_host import Host, running_host
from tests.image_builder.templates import PROVISIONER, props_of, write_image

SECONDS = 90


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in {SECONDS} s: {what}"
        time.sleep(0.1)


def wait_for_words(host: Host, future: Any, words: str) -> None:
    """Return when the build has printed *words*; one that has ended shows why."""
    try:
        wait_for(lambda: host.has_said(words) or future.done(), words)
        assert not future.done()
    except AssertionError as error:
        end = str(future.exception()) if future.done() else "the build has not ended"
        raise AssertionError("\n".join([str(error), *host.lines, end])) from error


def processes_of(project: Path) -> list[psutil.Process]:
    """Everything that runs in, or knows of, the project's run folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [process.cwd(), *process.cmdline()]
            has_ended = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        if any(str(project / RUNS) in word for word in words) and not has_ended:
            found.append(process)
    return found


@pytest.fixture
def building(ec2: EmulatedEc2, host: Host, project: Path) -> Iterator[Host]:
    """A host in the middle of a build: nothing answers Packer's SSH."""
    props = props_of(write_image(project / "tiny", communicator="ssh"))
    future = host.start_creating(props)  # A future that nobody holds is cancelled.
    try:
        wait_for_words(host, future, "Waiting for SSH")
        assert len(ec2.leftovers()) == 3, "an instance, a key pair and a security group"
        assert len(processes_of(project)) >= 3, "supervisor, Packer and its plugin"
        yield host
    finally:
        for process in processes_of(project):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def assert_cleaned_up(ec2: EmulatedEc2, project: Path) -> None:
    wait_for(lambda: processes_of(project) == [], "every process is gone")
    assert ec2.leftovers() == []
    assert ec2.client().describe_images(Owners=["self"])["Images"] == []
    (run,) = (project / RUNS).glob("*/")
    result = json.loads((run / "build.json").read_text())
    assert result["was_stopped"]
    assert not result["was_killed"]
    assert "Cancelling build after receiving interrupt" in (run / "packer.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_build_cleans_up_when_its_provider_is_killed(
    ec2: EmulatedEc2, building: Host, project: Path, number: signal.Signals
) -> None:
    os.kill(building.process.pid, number)

    assert_cleaned_up(ec2, project)


def test_a_build_cleans_up_when_the_providers_whole_process_group_is_killed(
    ec2: EmulatedEc2, building: Host, project: Path
) -> None:
    os.killpg(building.process.pid, signal.SIGKILL)

    assert_cleaned_up(ec2, project)


def test_a_build_cleans_up_when_its_supervisor_is_told_to_end(
    ec2: EmulatedEc2, building: Host, project: Path
) -> None:
    (supervisor,) = [process for process in processes_of(project) if process.ppid() == building.process.pid]

    supervisor.send_signal(signal.SIGTERM)

    assert_cleaned_up(ec2, project)


@pytest.fixture
def registered(host: Host, project: Path) -> Iterator[dict[str, Any]]:
    """The inputs of a build whose AMI is there, while Packer waits for a post-processor."""
    waits = (
        'post-processor "shell-local" {\n    inline = ["while ! [ -e ../../../go ]; do sleep 0.1; done"]\n  }'
    )
    # It takes no tags: what the AMI is made of, it knows all the same.
    takes = ("ami_name", "region")
    props = props_of(write_image(project / "tiny", takes=takes, provisioner=f"{PROVISIONER}\n  {waits}"))
    future = host.start_creating(props)
    try:
        wait_for_words(host, future, "post-processor")
        yield props
    finally:
        for process in processes_of(project):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_a_build_that_has_begun_to_register_is_finished_when_its_provider_is_killed_and_then_adopted(
    ec2: EmulatedEc2, host: Host, project: Path, registered: dict[str, Any]
) -> None:
    os.kill(host.process.pid, signal.SIGKILL)
    (run,) = (project / RUNS).glob("*/")
    wait_for(
        lambda: "it goes on to its end" in (run / "packer.log").read_text(), "the supervisor has noticed"
    )
    with running_host(project, ec2.environment) as second:
        future = second.start_creating(registered)
        # The image is there, but its post-processors may still fail.
        wait_for(lambda: second.has_said("is under way"), "the second one waits")
        assert not future.done()
        (project / "go").touch()
        answer = future.result(timeout=SECONDS)

    ami_id, outputs = answer.id, rpc.deserialize_properties(answer.properties)
    wait_for(lambda: processes_of(project) == [], "every process is gone")
    assert outputs["origin"] == "reused"
    assert {"BuiltAt", "PackerVersion"} <= ec2.tags_of(ami_id).keys()
    assert [image["ImageId"] for image in ec2.client().describe_images(Owners=["self"])["Images"]] == [ami_id]
    assert ec2.leftovers() == []
    assert json.loads((run / "build.json").read_text())["exit_code"] == 0


def test_the_next_build_waits_for_the_clean_up_of_a_killed_one(
    ec2: EmulatedEc2, building: Host, project: Path
) -> None:
    (supervisor,) = [process for process in processes_of(project) if process.ppid() == building.process.pid]
    supervisor.suspend()
    os.kill(building.process.pid, signal.SIGKILL)
    props = props_of(write_image(project / "tiny", communicator="ssh"))
    with running_host(project, ec2.environment) as second:
        future = second.start_creating(props)
        try:
            wait_for(lambda: second.has_said("is under way"), "the second one waits")
            assert len(list((project / RUNS).glob("*/"))) == 1

            supervisor.resume()

            wait_for(lambda: second.has_said("Waiting for SSH"), "the second one builds")
            assert len(ec2.leftovers()) == 3, "those of the second build alone"
        finally:
            future.cancel()
