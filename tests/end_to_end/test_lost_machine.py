"""The machine that builds is lost: another one's `reap` finds and removes what is left, and nothing else."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.checkout import Checkout, ask, wait_until
from tests.end_to_end.conftest import TINY_STACK, living_instances, own_images
from tests.end_to_end.tiny import commit_release
from tests.support.killing import NOTHING_LEFT, leftovers, packers_of, signal_tree


def reap(tiny: Checkout, *options: str) -> tuple[int, str]:
    """How `reap` ended, and what it printed."""
    result = tiny.run(".venv/bin/python", "-m", "image_builder", "reap", *options)
    return result.exit_code, result.output


@pytest.fixture
def foreign(ec2: Any) -> Iterator[str]:
    """A key pair that somebody else's Packer may have made."""
    name = "packer_of_somebody"
    ec2.create_key_pair(KeyName=name)
    yield name
    ec2.delete_key_pair(KeyName=name)


@pytest.fixture
def lost(tiny: Checkout, ec2: Any) -> str:
    """The run of a build that was cut off, with all its processes."""
    commit_release(tiny, "lost")
    before = living_instances(ec2)
    with tiny.start("pulumi", "up", "--yes", "--stack", TINY_STACK) as process:
        wait_until(lambda: bool(living_instances(ec2) - before), "Packer launches its instance")
        signal_tree(process.pid, signal.SIGKILL, with_builds=True)  # as a power cut does
        process.communicate(timeout=60)
    tiny.run("pulumi", "cancel", "--yes", "--stack", TINY_STACK)
    wait_until(lambda: packers_of(tiny.folder) == [], "Packer is gone")
    return max(run.name for run in (tiny.folder / ".packer-runs").glob("*/"))


def test_what_a_lost_machine_left_in_aws_is_listed_and_removed_and_the_fleet_serves_on(
    tiny: Checkout, ec2: Any, foreign: str, lost: str
) -> None:
    serving = tiny.outputs(TINY_STACK)
    instances, images, left = living_instances(ec2), own_images(ec2), leftovers(ec2)

    early_code, early = reap(tiny)
    listed_code, listed = reap(tiny, "--run", lost, "--json")

    assert early_code == 0, early
    assert "run may be alive elsewhere until its deadline" in early
    assert listed_code == 3, listed
    rows = json.loads(listed)
    assert all(row["is_leftover"] for row in rows)
    assert {row["id"] for row in rows if row["kind"] == "instance"} == set(left["instances"]) != set()
    assert {row["name"] for row in rows if row["kind"] == "key pair"} == set(left["key pairs"]) - {foreign}
    assert {row["id"] for row in rows if row["kind"] == "security group"} == set(left["security groups"])
    assert leftovers(ec2) == left

    code, printed = reap(tiny, "--run", lost, "--yes")

    assert code == 0, printed
    assert leftovers(ec2) == {**NOTHING_LEFT, "key pairs": [foreign]}
    assert living_instances(ec2) == instances - set(left["instances"])
    assert own_images(ec2) == images
    assert ask(serving["url"])["ami_id"] == serving["ami_id"]
    assert reap(tiny, "--run", lost) == (0, "us-east-1: 0 to remove, 0 to keep\n")
