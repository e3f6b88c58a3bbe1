"""Launch templates whose image is a parameter, where EC2's answers are told word by word."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from image_builder.registry.launch_templates import TemplateVersion, find_image, find_versions

NAMED = TemplateVersion(template_name="web", version="3")
TEMPLATE = "lt-0123456789abcdef0"
ACTION = "describe_launch_template_versions"


def client() -> Any:
    session = boto3.session.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
    )
    return session.client("ec2")


def version(number: int, image: str) -> dict[str, Any]:
    return {
        "LaunchTemplateId": TEMPLATE,
        "LaunchTemplateName": "web",
        "VersionNumber": number,
        "DefaultVersion": number == 1,
        "LaunchTemplateData": {"ImageId": image},
    }


@pytest.mark.parametrize("error", ["", "InvalidParameterValue"])
def test_what_a_parameter_holds_is_asked_once_and_stays_open_where_it_cannot_be_told(error: str) -> None:
    ec2 = client()
    alias, held = "resolve:ssm:golden", "ami-00000009"
    with Stubber(ec2) as stub:
        versions = [version(3, alias), version(2, "ami-00000002"), version(1, alias)]
        stub.add_response(
            ACTION, {"LaunchTemplateVersions": versions}, {"LaunchTemplateName": "web", "MaxResults": 200}
        )
        asked = {"LaunchTemplateId": TEMPLATE, "Versions": ["3"], "ResolveAlias": True}
        if error:
            stub.add_client_error(ACTION, error, expected_params=asked)
        else:
            stub.add_response(ACTION, {"LaunchTemplateVersions": [version(3, held)]}, asked)

        found = find_versions(ec2, NAMED)
        stub.assert_no_pending_responses()

    expected = alias if error else held
    assert [one.ami_id for one in found] == [expected, "ami-00000002", expected]
    assert [one.is_alias for one in found] == [True, False, True]


@pytest.mark.parametrize("error", ["InvalidLaunchTemplateName.NotFoundException", ""])
def test_a_template_that_is_gone_has_no_versions_and_no_image(error: str) -> None:
    ec2 = client()
    with Stubber(ec2) as stub:
        for _ in range(2):
            if error:
                stub.add_client_error(ACTION, error)
            else:
                stub.add_response(ACTION, {"LaunchTemplateVersions": []})

        assert find_versions(ec2, NAMED) == []
        assert find_image(ec2, NAMED) == ""
