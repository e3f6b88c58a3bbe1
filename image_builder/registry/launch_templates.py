"""Launch templates: which image each version names, and versions that go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from image_builder.ec2_client import error_code

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_VERSIONS_PER_REQUEST = 200
"""DeleteLaunchTemplateVersions, and MaxResults of DescribeLaunchTemplateVersions, EC2 API reference."""
_ALIAS = "resolve:"
"""What an ImageId begins with that is a Systems Manager parameter (RequestLaunchTemplateData, ImageId)."""


@dataclass(frozen=True, kw_only=True)
class TemplateVersion:
    """A version of a launch template as Auto Scaling names it (LaunchTemplateSpecification)."""

    template_id: str = ""
    template_name: str = ""
    """Where it is named by that alone."""
    version: str = "$Default"

    @property
    def template(self) -> str:
        """Its id, or else its name."""
        return self.template_id or self.template_name

    @property
    def request(self) -> dict[str, Any]:
        """How EC2 is asked for it."""
        if self.template_id:
            return {"LaunchTemplateId": self.template_id}
        return {"LaunchTemplateName": self.template_name}

    @classmethod
    def of(cls, specification: Mapping[str, Any]) -> TemplateVersion | None:
        """The one that *specification* names, if it names any."""
        found = cls(
            template_id=specification.get("LaunchTemplateId", ""),
            template_name=specification.get("LaunchTemplateName", ""),
            # LaunchTemplateSpecification, Auto Scaling API reference: "The default value is $Default."
            version=specification.get("Version") or "$Default",
        )
        return found if found.template else None


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a launch template."""

    template_id: str
    number: int
    ami_id: str
    """As EC2 tells it where it is a parameter that cannot be resolved; empty where there is none."""
    is_default: bool
    is_alias: bool = False
    """Whether it names a parameter, and the AMI is what that holds by now."""
    template_name: str = ""


def find_versions(ec2: EC2Client, template: TemplateVersion) -> list[Version]:
    """All versions of the same template, the oldest first; none where the template is gone."""
    pages = ec2.get_paginator("describe_launch_template_versions").paginate(
        **template.request, PaginationConfig={"PageSize": _VERSIONS_PER_REQUEST}
    )
    try:
        found = [_version(one) for page in pages for one in page["LaunchTemplateVersions"]]
    except ClientError as error:
        if error_code(error).startswith("InvalidLaunchTemplate"):
            return []
        raise
    return sorted(_resolved(ec2, found), key=lambda version: version.number)


def find_image(ec2: EC2Client, template: TemplateVersion) -> str:
    """The AMI that *template* launches; empty where it names none, or is gone."""
    try:
        # A parameter's name is told as what it holds; other image ids stay as they are (ResolveAlias).
        versions = ec2.describe_launch_template_versions(
            **template.request, Versions=[template.version], ResolveAlias=True
        )["LaunchTemplateVersions"]
    except ClientError as error:
        if error_code(error).startswith("InvalidLaunchTemplate"):
            return ""
        raise
    return versions[0]["LaunchTemplateData"].get("ImageId", "") if versions else ""


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


def _version(described: Any) -> Version:
    ami_id = described["LaunchTemplateData"].get("ImageId", "")
    return Version(
        template_id=described["LaunchTemplateId"],
        template_name=described.get("LaunchTemplateName", ""),
        number=described["VersionNumber"],
        ami_id=ami_id,
        is_default=described["DefaultVersion"],
        is_alias=ami_id.startswith(_ALIAS),
    )


def _resolved(ec2: EC2Client, versions: Sequence[Version]) -> list[Version]:
    """*versions* with the AMIs that their parameters hold; a parameter is asked for once."""
    held: dict[str, str] = {}
    for version in versions:
        if version.is_alias and version.ami_id not in held:
            held[version.ami_id] = _held_by(ec2, version)
    return [replace(version, ami_id=held.get(version.ami_id, version.ami_id)) for version in versions]


def _held_by(ec2: EC2Client, version: Version) -> str:
    """The AMI that the parameter of *version* holds; the parameter itself where that cannot be told.

    Each by itself: one that is gone must not hide what the others hold.
    """
    named = TemplateVersion(template_id=version.template_id, version=str(version.number))
    try:
        return find_image(ec2, named) or version.ami_id
    except ClientError:
        return version.ami_id
