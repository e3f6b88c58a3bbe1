"""`show`, against an emulated EC2."""

from __future__ import annotations

import json

import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2

OURS = {"Built-By": "packer", "ImageFamily": "web"}


def built_image(ec2: EmulatedEc2, name: str, base: str) -> str:
    """The id of an AMI with a snapshot."""
    client = ec2.client()
    instance = client.run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ami_id = client.create_image(InstanceId=instance, Name=name)["ImageId"]
    client.terminate_instances(InstanceIds=[instance])
    tags = {**OURS, "SourceAmi": base}
    client.create_tags(Resources=[ami_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return ami_id


def test_everything_about_an_image_is_told(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    hardened = built_image(ec2, "hardened", BASE_IMAGE)
    web = built_image(ec2, "web", hardened)
    runner = ec2.client().run_instances(ImageId=hardened, MinCount=1, MaxCount=1)["Instances"][0]

    assert main(["show", hardened, "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert told["tags"]["ImageFamily"] == "web"
    assert [one["state"] for one in told["snapshots"]] == ["completed"]
    assert [one["ami_id"] for one in told["ancestors"]] == [BASE_IMAGE]
    assert [(one["ami_id"], one["built_on"]) for one in told["descendants"]] == [(web, hardened)]
    assert [one["instance_id"] for one in told["instances"]] == [runner["InstanceId"]]
    assert told["runs_in"] == {"groups": {}, "without_group": 1}


def test_a_person_reads_it_in_sections(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    ami_id = built_image(ec2, "web", "ami-00000000000000001")

    assert main(["show", ami_id]) == Exit.DONE

    printed = capsys.readouterr().out
    assert printed.startswith(f"{ami_id}  web\n  state         available\n")
    assert "built on\n  ami-00000000000000001  deregistered, or not shared with this account\n" in printed
    assert printed.endswith("run by\n  nothing\n")


def test_an_image_that_is_not_there_is_one_line(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    assert ec2.endpoint_url

    assert main(["show", "ami-00000000000000001"]) == Exit.FAILED

    error = capsys.readouterr().err
    assert error.startswith("ami-00000000000000001 does not exist in us-east-1")
    assert error.count("\n") == 1


def test_what_is_no_ami_id_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["show", "web-app"])

    assert ended.value.code == Exit.USAGE
    assert "17 (or 8) hexadecimal digits were expected" in capsys.readouterr().err
