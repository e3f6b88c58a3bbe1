"""Launch templates: which image each version names, and versions that go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from image_builder.ec2_client import error_code

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_VERSIONS_PER_REQUEST = 200
"""DeleteLaunchTemplateVersions, EC2 API reference."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a launch template."""

    template_id: str
    number: int
    ami_id: str
    is_default: bool


def find_versions(ec2: EC2Client, template_id: str) -> list[Version]:
    """All versions, the oldest first; none where the template is gone."""
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(LaunchTemplateId=template_id)
    try:
        found = [
            Version(
                template_id=template_id,
                number=one["VersionNumber"],
                ami_id=one["LaunchTemplateData"].get("ImageId", ""),
                is_default=one["DefaultVersion"],
            )
            for page in pages
            for one in page["LaunchTemplateVersions"]
        ]
    except ClientError as error:
        if error_code(error).startswith("InvalidLaunchTemplate"):
            return []
        raise
    return sorted(found, key=lambda version: version.number)


def delete_versions(ec2: EC2Client, template_id: str, numbers: Sequence[int]) -> dict[int, str]:
    """Delete these versions; why not, by number, of those that stay."""
    failures: dict[int, str] = {}
    for start in range(0, len(numbers), _VERSIONS_PER_REQUEST):
        answer = ec2.delete_launch_template_versions(
            LaunchTemplateId=template_id,
            Versions=[str(number) for number in numbers[start : start + _VERSIONS_PER_REQUEST]],
        )
        failures |= {
            one["VersionNumber"]: one["ResponseError"].get("Message", one["ResponseError"]["Code"])
            for one in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
        }
    return failures
