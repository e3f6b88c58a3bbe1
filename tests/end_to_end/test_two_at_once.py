"""Two people, or two jobs of a pipeline, at the same time: one build of an image, one rollout of a group."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.rollout.provider import roll_out
from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, ask, copy_project, wait_until
from tests.end_to_end.conftest import client, own_images
from tests.end_to_end.tiny import ONE_INSTANCE, SHORT_WAITS, TINY_IMAGE, UNVERIFIED, write_release
from tests.support.faults import Faults
from tests.support.killing import NOTHING_LEFT, leftovers
from tests.support.output import Output

QUICK = {**TINY_IMAGE, **ONE_INSTANCE, **SHORT_WAITS, **UNVERIFIED}
STACKS = ("dev", "prod")
SECONDS = 300


@pytest.fixture(scope="module")
def checkout(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with a stack like development and one like production."""
    checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
    with checkout.with_stack("dev", **QUICK), checkout.with_stack("prod", **QUICK):
        for key in ("requireVerifiedIn", "checkpointPercentages", "checkpointDelaySeconds"):
            checkout.must("pulumi", "config", "rm", key, "--stack", "prod")
        yield checkout
        ups = [Up(checkout, "pulumi", "destroy", "--yes", "--stack", stack) for stack in STACKS]
        for up in ups:
            up.must_succeed()


@pytest.fixture
def dev(checkout: Checkout) -> Checkout:
    """The checkout with its development stack up."""
    if not checkout.outputs("dev"):
        checkout.up("dev")
    return checkout


@pytest.fixture
def faults(home: Home) -> Iterator[Faults]:
    """The faults of the local AWS, none of which stays."""
    faults = Faults(home)
    yield faults
    faults.clear()


class Up:
    """A command that runs."""

    def __init__(self, checkout: Checkout, *command: str) -> None:
        self.process = checkout.start(*command)
        self.output = Output(self.process)

    @classmethod
    def of(cls, checkout: Checkout, stack: str) -> Up:
        """`pulumi up` of *stack*."""
        return cls(checkout, "pulumi", "up", "--yes", "--skip-preview", "--stack", stack)

    def wait_for(self, line: str) -> None:
        """Return when it has printed *line*."""
        try:
            wait_until(lambda: self.output.has(line) or self.output.has_ended(), line, SECONDS)
            assert self.output.has(line)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"not printed: {line}\n{self.output}") from error

    def must_succeed(self) -> str:
        """What it printed."""
        code = self.output.wait(SECONDS)
        assert code == 0, str(self.output)
        return str(self.output)

    def kill(self) -> None:
        """End it and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.output.wait(SECONDS)


def packers_instances(faults: Faults, since: int) -> int:
    """How many instances Packer launched."""
    calls = faults.calls("ec2:RunInstances", since=since)
    return sum(call.served and "Packer" in call.user_agent for call in calls)


def last_call(faults: Faults) -> int:
    return max((call.sequence for call in faults.calls()), default=0)


def assert_both_serve_one_image(checkout: Checkout, ec2: Any, before: set[str]) -> None:
    dev, prod = (checkout.outputs(stack) for stack in STACKS)
    assert own_images(ec2) - before == {dev["ami_id"]} == {prod["ami_id"]}
    assert {dev["image_origin"], prod["image_origin"]} == {"built", "reused"}
    assert ask(dev["url"])["ami_id"] == ask(prod["url"])["ami_id"] == dev["ami_id"]
    wait_until(lambda: leftovers(ec2) == NOTHING_LEFT, "nothing temporary is left")


def test_two_stacks_brought_up_from_one_folder_make_one_build(
    checkout: Checkout, ec2: Any, faults: Faults
) -> None:
    write_release(checkout, "one folder")
    before, since = own_images(ec2), last_call(faults)
    hold = faults.inject("ec2:RunInstances", "hold", user_agent="Packer")

    dev = Up.of(checkout, "dev")
    wait_until(lambda: faults.hits(hold) == 1 or dev.output.has_ended(), "the first one builds")
    prod = Up.of(checkout, "prod")
    prod.wait_for("is under way in this folder: waiting for its end")
    faults.release(hold)

    dev.must_succeed()
    prod.must_succeed()
    assert packers_instances(faults, since) == 1
    assert_both_serve_one_image(checkout, ec2, before)


def test_two_stacks_brought_up_from_two_machines_share_the_image_that_is_registered_first(
    checkout: Checkout, ec2: Any, faults: Faults, tmp_path: Path
) -> None:
    write_release(checkout, "two machines")
    other = Checkout(
        folder=Path(shutil.copytree(checkout.folder, tmp_path / "other", symlinks=True)),
        environment=checkout.environment,
    )
    before, since = own_images(ec2), last_call(faults)
    hold = faults.inject("ec2:CreateImage", "hold")

    ups = [Up.of(checkout, "dev"), Up.of(other, "prod")]
    ended = [up.output.has_ended for up in ups]
    wait_until(lambda: faults.hits(hold) == 2 or any(has() for has in ended), "both register", SECONDS)
    faults.release(hold)

    printed = "".join(up.must_succeed() for up in ups)
    assert packers_instances(faults, since) == 2
    assert "which another build of the same fingerprint registered first" in printed
    assert_both_serve_one_image(checkout, ec2, before)


def test_a_second_rollout_to_the_same_target_follows_the_first(
    dev: Checkout,
    home: Home,
    faults: Faults,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_release(dev, "to be followed")
    since = last_call(faults)
    up = Up.of(dev, "dev")
    up.wait_for("InProgress, 0 %")
    for name, value in dev.environment.items():
        monkeypatch.setenv(name, value)

    result = roll_out({**recorded_rollout(dev), **target_of_newest_refresh(dev, home)})

    up.must_succeed()
    starts = [call for call in faults.calls("autoscaling:StartInstanceRefresh", since=since) if call.served]
    assert len(starts) == 1
    assert result["status"] == "Successful"
    assert f"{result['refresh_id']} already leads to" in capsys.readouterr().out


def test_a_rollout_that_meets_one_to_another_target_fails_with_its_id_and_succeeds_once_it_is_over(
    dev: Checkout, home: Home, faults: Faults
) -> None:
    write_release(dev, "one folder")
    auto_scaling = client(home, "autoscaling")
    recorded = recorded_rollout(dev)
    hold = faults.inject("autoscaling:StartInstanceRefresh", "hold", count=1)
    up = Up.of(dev, "dev")
    wait_until(lambda: faults.hits(hold) == 1 or up.output.has_ended(), "the rollout is to start", SECONDS)

    # Somebody else is a moment faster, and has time.
    other = auto_scaling.start_instance_refresh(
        AutoScalingGroupName=recorded["auto_scaling_group_name"],
        DesiredConfiguration={
            "LaunchTemplate": {"LaunchTemplateId": recorded["launch_template_id"], "Version": "1"}
        },
        Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "InstanceWarmup": 600},
    )["InstanceRefreshId"]
    faults.release(hold)

    code = up.output.wait(SECONDS)
    assert code != 0
    assert other in str(up.output)
    auto_scaling.cancel_instance_refresh(AutoScalingGroupName=recorded["auto_scaling_group_name"])
    wait_until(lambda: newest_refresh(auto_scaling, recorded)["Status"] == "Cancelled", "the other ends")
    Up.of(dev, "dev").must_succeed()
    outputs = dev.outputs("dev")
    assert ask(outputs["url"])["ami_id"] == outputs["ami_id"]


def recorded_rollout(checkout: Checkout) -> dict[str, Any]:
    """The inputs of the rollout that dev's state has."""
    state = json.loads(checkout.must("pulumi", "stack", "export", "--stack", "dev"))
    (inputs,) = (
        one["inputs"] for one in state["deployment"]["resources"] if one["type"].endswith(":InstanceRefresh")
    )
    assert isinstance(inputs, dict)
    return inputs


def newest_refresh(auto_scaling: Any, rollout: dict[str, Any]) -> dict[str, Any]:
    name = rollout["auto_scaling_group_name"]
    answer = auto_scaling.describe_instance_refreshes(AutoScalingGroupName=name, MaxRecords=1)
    refresh = answer["InstanceRefreshes"][0]
    assert isinstance(refresh, dict)
    return refresh


def target_of_newest_refresh(checkout: Checkout, home: Home) -> dict[str, str]:
    """The inputs of a rollout that leads where the newest one does."""
    refresh = newest_refresh(client(home, "autoscaling"), recorded_rollout(checkout))
    target = refresh["DesiredConfiguration"]["LaunchTemplate"]
    (version,) = client(home, "ec2").describe_launch_template_versions(
        LaunchTemplateId=target["LaunchTemplateId"], Versions=[target["Version"]]
    )["LaunchTemplateVersions"]
    return {
        "launch_template_version": target["Version"],
        "ami_id": version["LaunchTemplateData"]["ImageId"],
    }
