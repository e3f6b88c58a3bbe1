"""What runs, where AWS's answers are told word by word."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from image_builder.registry.fleets import find_refreshes, find_running
from image_builder.registry.groups import Group
from image_builder.registry.launch_templates import TemplateVersion
from image_builder.registry.launching import Launching, launching_of

TEMPLATE = "lt-0123456789abcdef0"
GROUP = Group(
    name="web",
    stack="dev",
    desired_capacity=2,
    launching=Launching(templates=(TemplateVersion(template_id=TEMPLATE, version="7"),)),
    instance_ids=frozenset(),
)


def refresh(number: int, template_id: str = TEMPLATE, version: str = "") -> dict[str, Any]:
    """A rollout as DescribeInstanceRefreshes tells it; with no *version* it was to bring nothing by name."""
    template = {"LaunchTemplateId": template_id, "Version": version}
    return {
        "InstanceRefreshId": f"{number:08x}-0000-4000-8000-000000000000",
        "Status": "Successful",
        "StartTime": datetime(2026, 11, number, tzinfo=UTC),
        **({"DesiredConfiguration": {"LaunchTemplate": template}} if version else {}),
    }


def told_amis(refreshes: list[dict[str, Any]], versions: dict[str, Any] | None, error: str = "") -> list[str]:
    """The AMIs that are told of *refreshes*, where EC2 answers *versions* or *error*; else nothing."""
    session = boto3.session.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
    )
    scaling, ec2 = session.client("autoscaling"), session.client("ec2")
    operation = "describe_launch_template_versions"
    with Stubber(scaling) as scaling_stub, Stubber(ec2) as ec2_stub:
        scaling_stub.add_response("describe_instance_refreshes", {"InstanceRefreshes": refreshes})
        if error:
            ec2_stub.add_client_error(operation, service_error_code=error)
        elif versions is not None:
            asked = {
                "LaunchTemplateId": TEMPLATE,
                "MinVersion": min(versions, key=int),
                "MaxVersion": max(versions, key=int),
            }
            there = [
                {"VersionNumber": int(number), "LaunchTemplateData": {"ImageId": ami_id}}
                for number, ami_id in versions.items()
                if ami_id
            ]
            ec2_stub.add_response(operation, {"LaunchTemplateVersions": there}, asked)
        found = find_refreshes(scaling, ec2, GROUP, 5)
        ec2_stub.assert_no_pending_responses()
    return [one.ami_id for one in found]


def test_each_rollout_is_told_with_the_ami_of_its_launch_template_version() -> None:
    assert told_amis([refresh(2, version="7"), refresh(1, version="3")], {"3": "ami-3", "7": "ami-7"}) == [
        "ami-7",
        "ami-3",
    ]


def test_what_a_rollout_was_to_bring_is_not_told_once_that_version_or_template_is_gone() -> None:
    refreshes = [refresh(2, version="7"), refresh(1, version="3")]

    assert told_amis(refreshes, {"3": "", "7": "ami-7"}) == ["ami-7", ""]
    assert told_amis(refreshes, None, "InvalidLaunchTemplateId.NotFound") == ["", ""]


def test_ec2_is_not_asked_for_what_no_rollout_names_by_number() -> None:
    others = [refresh(3), refresh(2, version="$Latest"), refresh(1, template_id="lt-other", version="3")]

    assert told_amis(others, None) == ["", "", ""]


@pytest.mark.parametrize(
    ("status", "is_running"),
    [
        ("Pending", True),
        ("InProgress", True),
        ("Baking", True),
        ("Cancelling", True),
        ("RollbackInProgress", True),
        ("A status to come", True),
        ("Successful", False),
        ("Failed", False),
        ("Cancelled", False),
        ("RollbackSuccessful", False),
        ("RollbackFailed", False),
    ],
)
def test_only_a_rollout_that_has_ended_needs_no_image(status: str, is_running: bool) -> None:
    session = boto3.session.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
    )
    scaling = session.client("autoscaling")
    described = {**refresh(1, version="3"), "Status": status}
    with Stubber(scaling) as stub:
        stub.add_response("describe_instance_refreshes", {"InstanceRefreshes": [described]})
        running = find_running(scaling, GROUP)

    assert running == (launching_of(described["DesiredConfiguration"]) if is_running else None)
