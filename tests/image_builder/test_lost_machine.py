"""A machine is lost in the middle of a build: nobody cleans up, and `reap` finds exactly what it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from image_builder.building.run_folder import RUNS
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.provider_host import PROJECT, Host, running_host
from tests.image_builder.templates import props_of, write_image
from tests.image_builder.test_kill import processes_of, wait_for


@pytest.fixture
def builds(ec2: EmulatedEc2, tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Two builds, each in a project of its own; all processes of the one are killed at once."""
    projects = {name: tmp_path / name for name in ("lost", "living")}
    with ExitStack() as stack:
        hosts = {}
        futures = []
        for name, project in projects.items():
            project.mkdir()
            stack.callback(kill_all, project)
            hosts[name] = stack.enter_context(running_host(project, ec2.environment))
            props = props_of(write_image(project / name, communicator="ssh"), family=name)
            futures.append(hosts[name].start_creating(props))  # One that nobody holds is cancelled.
        wait_for(lambda: all(map(is_waiting, hosts.values())), "both Packers wait for SSH")
        hosts["lost"].process.send_signal(signal.SIGSTOP)  # It does not see the end of its child.
        kill_all(projects["lost"])
        yield projects


def is_waiting(host: Host) -> bool:
    return any("Waiting for SSH" in line for line in host.lines)


def kill_all(project: Path) -> None:
    """End everything of a project's build at once, as the loss of its machine does."""
    processes = processes_of(project)
    for number in (signal.SIGSTOP, signal.SIGKILL):  # Frozen first, none sees another one end.
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # ended by itself
                process.send_signal(number)
    wait_for(lambda: processes_of(project) == [], "every process is gone")


def reap(ec2: EmulatedEc2, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "image_builder", "reap", *options],
        cwd=PROJECT,
        env={**os.environ, **ec2.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def rows_of(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    rows = json.loads(result.stdout)
    assert isinstance(rows, list)
    return rows


def run_of(project: Path) -> str:
    (run,) = (entry for entry in (project / RUNS).iterdir() if entry.is_dir())
    return run.name


def move_deadline(ec2: EmulatedEc2, run_id: str, deadline: str) -> None:
    """As if the run had begun at another time."""
    client = ec2.client()
    found = client.describe_tags(Filters=[{"Name": "value", "Values": [run_id]}])["Tags"]
    client.create_tags(
        Resources=[tag["ResourceId"] for tag in found], Tags=[{"Key": "RunDeadline", "Value": deadline}]
    )


def test_what_a_lost_machine_left_is_listed_removed_once_its_deadline_is_over_and_nothing_else(
    ec2: EmulatedEc2, builds: dict[str, Path]
) -> None:
    lost, living = (run_of(builds[name]) for name in ("lost", "living"))
    client = ec2.client()
    foreign = client.create_key_pair(KeyName="packer_of_somebody")["KeyName"]
    client.run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)
    before = set(ec2.leftovers())

    early = rows_of(reap(ec2, "--json"))

    assert not any(row["is_leftover"] for row in early)
    assert sorted(row["kind"] for row in early if row["run_id"] == lost) == [
        "instance",
        "key pair",
        "security group",
        "volume",
    ]
    assert {row["reason"][:17] for row in early if row["run_id"] == lost} == {"run may be alive "}
    assert {row["reason"][:17] for row in early if row["run_id"] == living} == {"run is alive here"}

    move_deadline(ec2, lost, "2026-01-01T00:00:00Z")
    move_deadline(ec2, living, "2026-01-01T00:00:00Z")
    listed = reap(ec2)

    assert listed.returncode == 3, listed.stderr
    assert listed.stdout.splitlines()[-1] == "us-east-1: 4 to remove, 5 to keep"
    assert set(ec2.leftovers()) == before

    removed = reap(ec2, "--yes", "--json")

    assert removed.returncode == 0, removed.stderr
    rows = [row for row in rows_of(removed) if row["is_removed"]]
    gone = {
        row["id"] if row["kind"] == "instance" else row["name"] for row in rows if row["kind"] != "volume"
    }
    assert len(rows) == 4
    assert set(ec2.leftovers()) == before - gone
    assert foreign in ec2.leftovers()
    volumes = client.describe_volumes(Filters=[{"Name": "tag-key", "Values": ["RunId"]}])["Volumes"]
    assert [tag["Value"] for volume in volumes for tag in volume["Tags"] if tag["Key"] == "RunId"] == [living]
    assert reap(ec2).returncode == 0
    assert reap(ec2, "--run", lost).stdout == "us-east-1: 0 to remove, 0 to keep\n"


def test_a_person_who_knows_that_a_run_is_over_need_not_wait_but_cannot_end_a_living_one(
    ec2: EmulatedEc2, builds: dict[str, Path]
) -> None:
    before = set(ec2.leftovers())

    refused = reap(ec2, "--run", run_of(builds["living"]), "--yes")

    assert refused.returncode == 0
    assert "run is alive here: pid" in refused.stdout
    assert set(ec2.leftovers()) == before

    done = reap(ec2, "--run", run_of(builds["lost"]), "--yes")

    assert done.returncode == 0, done.stderr
    assert len(before - set(ec2.leftovers())) == 3
