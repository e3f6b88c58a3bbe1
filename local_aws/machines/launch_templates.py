"""Launch templates whose versions can be deleted, and that tell all versions they have: moto does neither."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound
from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion

_MOST_VERSIONS = 10_000
"""What a launch template may have (EC2 user guide, "Launch template restrictions")."""
_MOST_DELETED_AT_ONCE = 200
"""DeleteLaunchTemplateVersions, EC2 API reference."""


class LocalLaunchTemplate(LaunchTemplate):
    """A launch template that keeps the numbers of deleted versions, as AWS gives none of them again."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.deleted: set[int] = set()
        super().__init__(*arguments, **named)

    def get_version(self, num: Any) -> LaunchTemplateVersion:
        """A version by its number, `$Latest` or `$Default`."""
        if str(num).lower() == "$latest":
            return self.latest_version()
        version = super().get_version(num)
        if version.number in self.deleted:
            raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=num)
        return version

    def latest_version(self) -> LaunchTemplateVersion:
        """The newest that there is; the default one always is."""
        return next(version for version in reversed(self.versions) if version.number not in self.deleted)

    def why_not_deleted(self, number: int) -> tuple[str, str]:
        """AWS's code and message where a version cannot be deleted; nothing where it is deleted now."""
        if number == self.default_version_number:
            return "unexpectedError", f"The default version, {number}, cannot be deleted"
        if not 1 <= number <= len(self.versions) or number in self.deleted:
            return "launchTemplateVersionDoesNotExist", f"Version {number} does not exist"
        self.deleted.add(number)
        return "", ""


class LocalLaunchTemplates(EC2Backend):
    """The launch templates of one account and region."""

    def describe_launch_template_versions(
        self, *arguments: Any, **named: Any
    ) -> list[tuple[LaunchTemplate, LaunchTemplateVersion]]:
        """All that are asked for and not deleted."""
        found = super().describe_launch_template_versions(
            *arguments, **{**named, "max_results": _MOST_VERSIONS}
        )
        return [
            (template, version)
            for template, version in found
            if not (isinstance(template, LocalLaunchTemplate) and version.number in template.deleted)
        ]


def delete_launch_template_versions(response: Any) -> ActionResult:
    """Delete versions; each that cannot be is told by itself."""
    template_id, name = response._get_param("LaunchTemplateId"), response._get_param("LaunchTemplateName")
    backend = response.ec2_backend
    template = (
        backend.get_launch_template(template_id) if template_id else backend.get_launch_template_by_name(name)
    )
    response.error_on_dryrun()
    answer: dict[str, list[dict[str, Any]]] = {
        "SuccessfullyDeletedLaunchTemplateVersions": [],
        "UnsuccessfullyDeletedLaunchTemplateVersions": [],
    }
    for number in map(int, response._get_param("Versions", [])[:_MOST_DELETED_AT_ONCE]):
        told = {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "VersionNumber": number,
        }
        code, message = template.why_not_deleted(number)
        if code:
            error = {"Code": code, "Message": message}
            answer["UnsuccessfullyDeletedLaunchTemplateVersions"].append({**told, "ResponseError": error})
        else:
            answer["SuccessfullyDeletedLaunchTemplateVersions"].append(told)
    return ActionResult(answer)
