"""What is needed, as AWS and the files of this checkout tell it just now."""

from __future__ import annotations

from dataclasses import replace

from image_builder.checkout.project_files import ProjectFiles
from image_builder.errors import ImageBuildError
from image_builder.registry.account import Account
from image_builder.registry.fleets import find_configured, find_groups, find_instances, find_running
from image_builder.registry.launch_templates import Version, find_versions
from image_builder.registry.launching import launchers
from image_builder.registry.usage import users_by_ami
from image_builder.retention.keeping import Facts


def gather(account: Account, files: ProjectFiles, facts: Facts) -> tuple[Facts, list[Version]]:
    """*facts* with what runs, may be launched and is pinned; and the versions of this project's templates."""
    ec2, auto_scaling = account.ec2, account.auto_scaling
    groups = {group.name: group for group in find_groups(auto_scaling)}
    launching = {name: group.launching for name, group in groups.items()}
    rolling = {
        name: running for name, group in groups.items() if (running := find_running(auto_scaling, group))
    }
    named = {
        template.template: template
        for one in (*launching.values(), *rolling.values())
        for template in one.templates
    }
    # One that is named by its id and by its name is there once.
    versions = list(
        dict.fromkeys(version for name in sorted(named) for version in find_versions(ec2, named[name]))
    )
    configurations = [one.launch_configuration for one in launching.values() if one.launch_configuration]
    found = launchers(launching, rolling, versions, find_configured(auto_scaling, configurations))
    own = {
        template.template
        for name, group in groups.items()
        if group.project == files.project
        for template in launching[name].templates
    }
    gathered = replace(
        facts,
        users=users_by_ami(find_instances(ec2)),
        launchers=found.by_ami,
        unresolved=found.unresolved,
        pins=files.pins,
    )
    return gathered, [version for version in versions if {version.template_id, version.template_name} & own]


def require_told(files: ProjectFiles, facts: Facts) -> None:
    """Raise ImageBuildError where anything may need an image of which it cannot be told which."""
    if files.problems:
        raise ImageBuildError(files.problems[0])
    if facts.unresolved:
        raise ImageBuildError(
            f"{facts.unresolved[0]} · an AMI was expected, which is not to be removed · wait until that "
            "rollout is over, or mend the launch template, and run it again"
        )
