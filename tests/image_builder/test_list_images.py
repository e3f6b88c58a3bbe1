"""`list`, against an emulated EC2."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
from rich.text import Text

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from image_builder.retention import gathering
from tests.image_builder.emulated_ec2 import BASE_IMAGE, REGION, EmulatedEc2

OURS = {
    "Built-By": "packer",
    "ImageFamily": "web",
    "SourceAmi": BASE_IMAGE,
    "GitCommit": "4e5f6a7b8c9d",
    "GitDirty": "true",
}


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """The commands run outside of any checkout; the emulated Auto Scaling knows no instance refreshes."""
    assert not list(project.iterdir())
    monkeypatch.setattr(gathering, "find_running", lambda *_: None)


def start_group(ec2: EmulatedEc2, ami_id: str, name: str, count: int) -> None:
    """An Auto Scaling group with *count* instances of the AMI."""
    scaling = boto3.client("autoscaling", endpoint_url=ec2.endpoint_url, region_name=REGION)
    template = ec2.client().create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"ImageId": ami_id, "InstanceType": "t3.micro"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=count,
        DesiredCapacity=count,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        Tags=[{"Key": "Project", "Value": "shop", "PropagateAtLaunch": False}],
        AvailabilityZones=[f"{REGION}a"],
    )


def test_an_image_is_told_with_its_commit_its_base_and_where_it_was_verified_and_runs(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = ec2.register("web-1a2b3c4d5e6f", **OURS, **{"VerifiedIn:dev": "2026-11-20T10:00:00Z"})
    ec2.register("other-1a2b3c4d5e6f")
    start_group(ec2, ami_id, "web-dev", 2)
    ec2.client().run_instances(ImageId=ami_id, MinCount=1, MaxCount=1)
    gone = ec2.client().run_instances(ImageId=ami_id, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.client().terminate_instances(InstanceIds=[gone])

    assert main(["list", "--json"]) == Exit.DONE

    (image,) = json.loads(capsys.readouterr().out)
    assert image["ami_id"] == ami_id
    assert image["commit"] == "4e5f6a7b8c9d"
    assert image["is_dirty"]
    assert image["base"]["ami_id"] == BASE_IMAGE
    assert image["base"]["created_at"] == "2026-01-01T00:00:00Z"
    assert image["verified_in"] == {"dev": "2026-11-20T10:00:00Z"}
    assert image["refusal"] == ""
    assert image["runs_in"] == {"groups": {"web-dev": 2}, "without_group": 1}
    assert image["kept_because"][:3] == ["runs in web-dev: 2", "runs in no group: 1", "launched by web-dev"]


def test_a_revoked_image_and_a_base_that_is_gone_are_said(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    ec2.register("web-1", **{**OURS, "SourceAmi": "ami-00000000000000001"}, Revoked="CVE-2026-1")

    assert main(["list"]) == Exit.DONE

    header, row, count = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["Image", "Name"]
    assert row.endswith("4e5f6a7+  ami-00000000000000001  -          -        Revoked: CVE-2026-1  -")
    assert count == "us-east-1: 1 image"


def test_a_revocation_to_come_is_said(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    ami_id = ec2.register("web-1", **OURS, Revoked="2999-01-01T00:00:00Z by alice: end of life")
    words = "to be Revoked 2999-01-01T00:00:00Z by alice: end of life"

    assert main(["list"]) == main(["show", ami_id]) == Exit.DONE
    listed, shown = capsys.readouterr().out.split("us-east-1: 1 image\n")
    assert words in listed
    assert f"available · {words}\n" in shown

    assert main(["list", "--json"]) == Exit.DONE
    (image,) = json.loads(capsys.readouterr().out)
    assert (image["refusal"], image["warning"]) == ("", words)


def test_one_family_is_listed_alone(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    ec2.register("web-1", **OURS)
    ec2.register("db-1", **{**OURS, "ImageFamily": "db"})

    assert main(["list", "--family", "db"]) == Exit.DONE

    printed = capsys.readouterr().out
    assert "db-1" in printed
    assert "web-1" not in printed
    assert printed.endswith("us-east-1: 1 image of db\n")


def test_what_another_family_is_built_on_is_told_of_a_family_that_is_listed_alone(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = ec2.register("golden-1", **{**OURS, "ImageFamily": "golden"})
    ami_id = ec2.register("web-1", **{**OURS, "SourceAmi": golden})

    assert main(["list", "--family", "golden", "--json"]) == Exit.DONE

    (image,) = json.loads(capsys.readouterr().out)
    assert f"{ami_id} is built on it" in image["kept_because"]


def test_a_stacks_config_that_cannot_be_read_is_said_and_the_images_are_listed(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = ec2.register("web-1", **OURS)
    (project / "Pulumi.prod.yaml").write_text("config: [")

    assert main(["list", "--json"]) == Exit.DONE

    printed = capsys.readouterr()
    assert [image["ami_id"] for image in json.loads(printed.out)] == [ami_id]
    assert printed.err.startswith("Pulumi.prod.yaml cannot be read: ")
    assert printed.err.count("\n") == 1


def test_that_aws_does_not_answer_is_said_while_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in EmulatedEc2(endpoint_url="http://127.0.0.1:9").environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)

    assert main(["list"]) == Exit.FAILED

    first, last = capsys.readouterr().err.splitlines()
    assert first == "AWS does not answer (EndpointConnectionError): waiting and trying again"
    assert last.startswith("AWS could not be asked: ")


def test_an_empty_account_has_no_images(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    assert ec2.endpoint_url

    assert main(["list"]) == Exit.DONE

    assert capsys.readouterr().out == "us-east-1: 0 images\n"


def test_the_calls_to_aws_do_not_grow_with_the_images(
    ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        ec2.register(f"web-{number}", **{**OURS, "SourceAmi": f"ami-{number:017x}"})
    calls: Counter[str] = Counter()
    ask = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def count(self: Any, action: str, parameters: Any) -> Any:
        calls[action] += 1
        return ask(self, action, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", count)

    assert main(["list", "--json"]) == Exit.DONE

    assert calls == {"DescribeImages": 2, "DescribeInstances": 1, "DescribeAutoScalingGroups": 1}


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_on_a_terminal_of_a_hundred_columns_the_table_is_drawn(
    ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: str
) -> None:
    monkeypatch.setenv("TERM", terminal)
    tags = {**OURS, "VerifiedIn:dev": "2026-11-20T10:00:00Z", "Revoked": "CVE-2026-1234 in its web server"}
    ami_id = ec2.register("web-app-1a2b3c4d5e6f", **tags)
    start_group(ec2, ami_id, "web-app-prod-1a2b3c4", 2)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert main(["list"]) == Exit.DONE

    drawn = Text.from_ansi(capsys.readouterr().out).plain
    assert "┏" in drawn
    assert all(len(line) <= 100 for line in drawn.splitlines())
    for whole in (ami_id, BASE_IMAGE, "web-app-1a2b3c4d5e6f", "web-app-prod-1a2b3c4: 2", "verified in dev"):
        assert whole in drawn
