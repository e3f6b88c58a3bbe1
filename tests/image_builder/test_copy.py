"""Copies in other regions, against an emulated EC2."""

from __future__ import annotations

import json
from typing import Any

import botocore.client
import pytest

from image_builder.__main__ import main
from image_builder.copies import TAG_COPIED_FROM, tags_of_copy
from tests.image_builder.emulated_ec2 import REGION, EmulatedEc2

ELSEWHERE = "eu-west-1"


@pytest.fixture
def image(ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch) -> str:
    """An image of ours, with a document on its snapshot."""
    call = vars(botocore.client.BaseClient)["_make_api_call"]

    def call_with_tags(client: Any, operation: str, request: dict[str, Any]) -> Any:
        # moto passes over the TagSpecifications of CopyImage, which EC2 has (EC2 API reference).
        answer = call(client, operation, request)
        if operation == "CopyImage":
            assert request["Encrypted"]
            of_kind = {one["ResourceType"]: one["Tags"] for one in request["TagSpecifications"]}
            assert {"Key": "FileDigests:01", "Value": "eJw"} in of_kind["snapshot"]
            client.create_tags(Resources=[answer["ImageId"]], Tags=of_kind["image"])
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call_with_tags)
    ami_id = ec2.image_of_an_instance("web-app-0123456789ab")
    client = ec2.client()
    client.create_tags(
        Resources=[ami_id],
        Tags=[{"Key": "Verified", "Value": "now"}, {"Key": "VerifiedIn:dev", "Value": "now"}],
    )
    device = client.describe_images(ImageIds=[ami_id])["Images"][0]["BlockDeviceMappings"][0]
    client.create_tags(
        Resources=[device["Ebs"]["SnapshotId"]], Tags=[{"Key": "FileDigests:01", "Value": "eJw"}]
    )
    return ami_id


def copies_of(ec2: EmulatedEc2, ami_id: str) -> list[str]:
    """The ids of what is tagged as a copy."""
    found = ec2.client(ELSEWHERE).describe_images(
        Owners=["self"], Filters=[{"Name": f"tag:{TAG_COPIED_FROM}", "Values": [f"{REGION}/{ami_id}"]}]
    )
    return [image["ImageId"] for image in found["Images"]]


def test_a_copy_is_made_once_with_its_tags(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for _ in range(2):
        assert main(["copy", image, "--to-region", ELSEWHERE, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))

    assert answers[0] == answers[1]
    assert copies_of(ec2, image) == [answers[0][0]["ami_id"]]
    tags = ec2.client(ELSEWHERE).describe_images(ImageIds=copies_of(ec2, image))["Images"][0]["Tags"]
    assert {tag["Key"] for tag in tags} == {"Verified", TAG_COPIED_FROM}


def test_a_revoked_image_is_not_copied(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ec2.client().create_tags(
        Resources=[image], Tags=[{"Key": "Revoked", "Value": "2026-01-01T00:00:00Z by me: broken"}]
    )

    assert main(["copy", image, "--to-region", ELSEWHERE]) == 1

    assert "Revoked" in capsys.readouterr().err
    assert not copies_of(ec2, image)


def test_a_copy_is_not_verified_in_the_environments_of_the_original() -> None:
    tags = {"Verified": "now", "VerifiedIn:dev": "now", "aws:x": "y"}

    assert tags_of_copy(tags, REGION, "ami-1") == {"Verified": "now", "CopiedFrom": f"{REGION}/ami-1"}
