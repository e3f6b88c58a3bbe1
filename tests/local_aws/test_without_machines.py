"""A local AWS without machines: thousands of instances and AMIs, and a rollout that asks no more for them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.fleet import RecordFleet, seed_images
from image_builder.__main__ import main
from image_builder.amis import Amis
from image_builder.commands.common import Exit
from image_builder.retention import keeping
from image_builder.retention.pruning import MOST_ASKED
from infra.rollout.errors import RolloutError
from infra.rollout.fleets import INSTANCES_PER_REQUEST
from local_aws.environment import UNSET, aws_environment
from local_aws.faults.client import ask_control
from local_aws.home import REGION, Home
from local_aws.records.images import IMAGES
from tests.support.faults import Faults
from tests.support.local_aws import ec2_client, running_local_aws

pytestmark = pytest.mark.timeout(600)
AMIS = 10_000
PAGED = "ec2:DescribeInstances"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_AWS_REFRESH_FAILURE_SECONDS", "3")
        with running_local_aws(folder, machines="none") as running:
            _use(running, patch)
            yield running


def _use(running: Home, patch: pytest.MonkeyPatch) -> None:
    for name in UNSET:
        patch.delenv(name, raising=False)
    for name, value in aws_environment(running).items():
        patch.setenv(name, value)


@pytest.fixture(scope="module")
def ami_ids(home: Home) -> tuple[str, str]:
    old, new, *_ = seed_images(home, AMIS)
    return old, new


@pytest.mark.parametrize("instances", [10, 1000])
def test_a_rollout_asks_at_a_bounded_rate_and_in_pages_for_more_instances(
    home: Home, ami_ids: tuple[str, str], instances: int
) -> None:
    fleet = RecordFleet(home, f"fleet-{instances}", ami_ids, instances)
    fleet.create()

    cost = fleet.roll_out(print)
    fleet.delete()

    assert cost.instances == instances
    # Old and new instances are each asked for once, some in a last page of their own at each look.
    looks = cost.calls["autoscaling:DescribeAutoScalingGroups"]
    assert cost.calls[PAGED] <= looks + 2 * math.ceil(2 * instances / INSTANCES_PER_REQUEST)
    assert cost.calls.total() - cost.calls[PAGED] <= 20 + 4 * cost.our_seconds
    assert cost.calls["autoscaling:StartInstanceRefresh"] == 1


@pytest.mark.usefixtures("ami_ids")
def test_an_image_is_found_among_thousands_with_one_call(home: Home) -> None:
    faults = Faults(home)
    before = faults.calls()[-1].sequence if faults.calls() else 0

    found = Amis.of(REGION).find_by_tags(ImageFingerprint="fingerprint-77", ImageFamily="web-app")

    assert [ami.tags["ImageFingerprint"] for ami in found] == ["fingerprint-77"]
    assert [call.action for call in faults.calls(since=before)] == ["ec2:DescribeImages"]


def test_an_ami_that_never_gets_healthy_is_scripted_by_its_tag(home: Home, ami_ids: tuple[str, str]) -> None:
    wanted = {"name": "never-healthy", "tags": {"LocalAws:Health": "never"}}
    (bad,) = ask_control(home, "POST", IMAGES, wanted)
    fleet = RecordFleet(home, "never-healthy", (ami_ids[0], bad), 2)
    fleet.create()

    with pytest.raises(RolloutError, match=r"FailedHealthChecks|No progress"):
        fleet.roll_out(print)
    fleet.delete()


@pytest.mark.usefixtures("ami_ids")
def test_thousands_of_images_are_looked_through_in_pages(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig:\n  imageFamily: web-app\n")
    monkeypatch.setattr(keeping, "UNVERIFIED", timedelta(0))
    faults = Faults(home)
    before = faults.calls()[-1].sequence

    assert main(["prune", "--json", "--keep-days", "0", "--keep", "0"]) == Exit.FOUND

    told = json.loads(capsys.readouterr().out)
    calls = Counter(call.action for call in faults.calls(since=before))
    assert len([image for image in told["images"] if image["removed_because"]]) >= AMIS - 3
    assert calls.pop("ec2:DescribeImageAttribute") == MOST_ASKED
    assert calls.total() < 50


def versions_of(ec2: Any, template_id: str, **asked: Any) -> list[int]:
    """The numbers of the launch template's versions."""
    answer = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, **asked)
    return [version["VersionNumber"] for version in answer["LaunchTemplateVersions"]]


def test_deleted_launch_template_versions_are_gone_with_their_numbers_and_the_default_one_stays(
    home: Home,
) -> None:
    ec2: Any = ec2_client(home)
    data = {"ImageId": "ami-00000000000000001", "InstanceType": "t3.micro"}
    made = ec2.create_launch_template(LaunchTemplateName="deleting", LaunchTemplateData=data)
    template_id = made["LaunchTemplate"]["LaunchTemplateId"]
    for _ in range(19):
        ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData=data)
    assert versions_of(ec2, template_id) == list(range(1, 21))

    answer = ec2.delete_launch_template_versions(
        LaunchTemplateId=template_id, Versions=["1", "3", "20", "99"]
    )

    failed = {
        one["VersionNumber"]: one["ResponseError"]["Code"]
        for one in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    }
    assert failed == {1: "unexpectedError", 99: "launchTemplateVersionDoesNotExist"}
    assert versions_of(ec2, template_id) == [1, 2, *range(4, 20)]
    assert versions_of(ec2, template_id, Versions=["$Latest"]) == [19]
    with pytest.raises(ClientError, match="VersionNotFound"):
        versions_of(ec2, template_id, Versions=["3"])
    ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData=data)
    assert versions_of(ec2, template_id, Versions=["$Latest"]) == [21]
    ec2.delete_launch_template(LaunchTemplateId=template_id)
