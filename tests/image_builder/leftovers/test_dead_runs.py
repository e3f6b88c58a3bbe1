"""What a killed run left behind is removed by the next image that is made in its folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_builder.building.run_folder import RUNS, close_run, dead_runs, make_run_folder
from image_builder.leftovers.dead_runs import remove_what_dead_runs_left
from tests.image_builder.emulated_ec2 import BASE_IMAGE, REGION, EmulatedEc2
from tests.image_builder.provider_host import Host, running_host
from tests.image_builder.templates import props_of, write_image
from tests.image_builder.test_kill import processes_of, wait_for
from tests.image_builder.test_lost_machine import is_waiting, kill_all

RUN_ID = "20260101T000000-12345678"


@pytest.fixture
def lost(ec2: EmulatedEc2, host: Host, project: Path) -> Iterator[str]:
    """The id of a run whose provider, supervisor and Packer were all killed in the middle of the build."""
    future = host.start_creating(props_of(write_image(project / "lost", communicator="ssh"), family="lost"))
    try:
        wait_for(lambda: is_waiting(host), "Packer waits for SSH")
        assert not future.done()
        host.process.send_signal(signal.SIGSTOP)  # It does not see the end of its child.
        kill_all(project)
        host.process.kill()
        assert len(ec2.leftovers()) == 3
        (run,) = (project / RUNS).glob("*/")
        yield run.name
    finally:
        for process in processes_of(project):
            process.kill()


def test_the_next_image_made_in_the_folder_removes_what_a_killed_run_left_and_says_so(
    ec2: EmulatedEc2, project: Path, lost: str
) -> None:
    with running_host(project, ec2.environment) as next_host:
        next_host.create(props_of(write_image(project / "next"), family="next"))

        assert ec2.leftovers() == []
        removed = [line for line in next_host.lines if "removed" in line]
        assert [line.split()[3:5] for line in removed] == [
            ["instance", removed[0].split()[4]],
            ["key", "pair"],
            ["security", "group"],
            ["volume", removed[3].split()[4]],
        ]
        assert all(line.endswith(f"of run {lost}, which was killed") for line in removed)
    assert list((project / RUNS).glob("*/template")) == list((project / RUNS).glob("*.lock")) == []


def test_a_run_that_is_alive_or_over_is_left_alone(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = ec2.client()
    instance = client.run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    tags = {"RunId": RUN_ID, "Built-By": "packer"}
    client.create_tags(
        Resources=[instance], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    run = make_run_folder(project, RUN_ID)
    run.template.mkdir()

    remove_what_dead_runs_left(project, REGION, print)
    assert run.template.exists()
    close_run(run)
    remove_what_dead_runs_left(project, REGION, print)

    assert len(ec2.leftovers()) == 1
    assert capsys.readouterr().out == ""


def test_a_run_that_built_elsewhere_is_not_looked_for_here(project: Path) -> None:
    run = make_run_folder(project, RUN_ID)
    run.template.mkdir()
    run.variables.write_text('{"region": "eu-west-1"}')
    os.close(run.lock)

    with dead_runs(project, REGION) as here, dead_runs(project, "eu-west-1") as there:
        assert [found.run_id for found in here] == []
        assert [found.run_id for found in there] == [RUN_ID]


def test_what_cannot_be_looked_for_fails_nothing_and_is_looked_for_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run_folder(project, RUN_ID)
    run.template.mkdir()
    os.close(run.lock)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(project / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(project / "none"))
    said: list[str] = []

    remove_what_dead_runs_left(project, REGION, said.append)

    assert said == [
        "what killed runs left in AWS is not known: Unable to locate credentials · the next up looks again"
    ]
    assert run.template.exists()
