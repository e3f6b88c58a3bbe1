"""Finds what nothing needs any more, and removes it: launch template versions first, then images."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import Ami
from image_builder.ec2_client import reason_of
from image_builder.fleets import find_configured, find_groups, find_instances, find_refreshes
from image_builder.keeping import UNVERIFIED, Facts, why_kept
from image_builder.launch_templates import Version, delete_versions, find_versions
from image_builder.project_files import pinned_amis, project_of
from image_builder.removal import delete_snapshot, deregister, find_accounts, find_orphans
from image_builder.usage import users_by_ami

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client

    from image_builder.groups import Group

RUNNING = frozenset({"Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"})
"""InstanceRefresh.Status, Auto Scaling API reference."""


MOST_ASKED = 200
"""Whom an image is shared with takes a call for each: a dry run asks of these, and says so of the others."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What there is, what is needed, and what may go."""

    images: Sequence[Ami]
    facts: Facts
    reasons: Mapping[str, Sequence[str]]
    """Why each image is kept, by id."""
    versions: Sequence[Version]
    """Launch template versions that name an image which goes."""
    orphans: Sequence[str]
    """Snapshots of images that are gone."""
    unasked: Sequence[str]
    """The images of which it is not known yet whom they are shared with."""

    @property
    def going(self) -> list[Ami]:
        """The images that nothing needs."""
        return [ami for ami in self.images if not self.reasons[ami.ami_id]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was removed, or was not, and why."""

    what: str
    resource_id: str
    failure: str = ""
    kept_because: str = ""
    """What was found out of an image when it was to go."""


def gather(
    ec2: EC2Client, auto_scaling: AutoScalingClient, project: Path, facts: Facts
) -> tuple[Facts, list[Version]]:
    """*facts* with what runs, may be launched and is pinned; and the versions of this project's templates."""
    groups = find_groups(auto_scaling)
    templates = sorted({template for group in groups for template, _version in templates_of(group)})
    versions = [version for template in templates for version in find_versions(ec2, template)]
    rolling = {group.name: _rolling_to(auto_scaling, ec2, group) for group in groups}
    configurations = {
        group.name: group.launch_configuration for group in groups if group.launch_configuration
    }
    configured = find_configured(auto_scaling, list(configurations.values()))
    gathered = replace(
        facts,
        users=users_by_ami(find_instances(ec2)),
        launchers=launchers(
            groups,
            versions,
            rolling,
            {group: configured.get(name, "") for group, name in configurations.items()},
        ),
        pins=pinned_amis(project),
    )
    project_name = project_of(project)
    own = {
        template for group in groups if group.project == project_name for template, _ in templates_of(group)
    }
    return gathered, [version for version in versions if version.template_id in own]


def templates_of(group: Group) -> list[tuple[str, str]]:
    """The launch templates that *group* launches from: id and version."""
    own = [(group.launch_template_id, group.launch_template_version)] if group.launch_template_id else []
    return [*own, *group.other_templates]


def _rolling_to(auto_scaling: AutoScalingClient, ec2: EC2Client, group: Group) -> str:
    newest = find_refreshes(auto_scaling, ec2, group, 1)
    return newest[0].ami_id if newest and newest[0].status in RUNNING else ""


def launchers(
    groups: Iterable[Group],
    versions: Iterable[Version],
    rolling: Mapping[str, str],
    configured: Mapping[str, str],
) -> dict[str, list[str]]:
    """What may launch each AMI: groups, what they are rolled out to, and what a next rollout would name."""
    by_template: dict[str, dict[int, Version]] = {}
    for version in versions:
        by_template.setdefault(version.template_id, {})[version.number] = version
    found: dict[str, list[str]] = {}
    for group in groups:
        named_by_group = [_named(by_template.get(one, {}), version) for one, version in templates_of(group)]
        launched = [version.ami_id for version in named_by_group if version is not None]
        for ami_id in filter(None, dict.fromkeys([*launched, configured.get(group.name, "")])):
            found.setdefault(ami_id, []).append(f"launched by {group.name}")
        if rolling.get(group.name):
            found.setdefault(rolling[group.name], []).append(f"being rolled out in {group.name}")
    for template_id, own in by_template.items():
        newest = own[max(own)]
        found.setdefault(newest.ami_id, []).append(f"in the newest version of {template_id}")
    return found


def _named(versions: Mapping[int, Version], name: str) -> Version | None:
    if name == "$Latest":
        return versions[max(versions)] if versions else None
    if name == "$Default":
        return next((version for version in versions.values() if version.is_default), None)
    return versions.get(int(name)) if name.isdigit() else None


def make_plan(
    ec2: EC2Client,
    images: Sequence[Ami],
    facts: Facts,
    versions: Sequence[Version],
    *,
    keeps_shared: bool,
    most_asked: int | None,
) -> Plan:
    """What of *images* may go; of these AWS is asked whom they are shared with, of *most_asked* at most."""
    unasked: list[str] = []
    if keeps_shared:
        needed_by = why_kept(images, facts)
        candidates = [ami.ami_id for ami in reversed(images) if not needed_by[ami.ami_id]]
        count = len(candidates) if most_asked is None else most_asked
        asked, unasked = candidates[:count], candidates[count:]
        facts = replace(facts, shared={ami_id: find_accounts(ec2, ami_id) for ami_id in asked})
    reasons = why_kept(images, facts)
    going = {ami_id for ami_id, needed in reasons.items() if not needed}
    snapshots = {snapshot for ami in images for snapshot in ami.snapshot_ids}
    return Plan(
        images=images,
        facts=facts,
        reasons=reasons,
        # AWS deletes no default version (DeleteLaunchTemplateVersions, EC2 API reference).
        versions=[version for version in versions if version.ami_id in going and not version.is_default],
        orphans=find_orphans(ec2, snapshots, facts.now - UNVERIFIED),
        unasked=unasked,
    )


def carry_out(ec2: EC2Client, plan: Plan) -> Iterator[Step]:
    """Remove what *plan* lets go, a step at a time; what fails does not keep the rest from going."""
    stuck: dict[str, str] = {}
    for template_id, versions in itertools.groupby(plan.versions, key=lambda version: version.template_id):
        own = list(versions)
        failures = _delete_versions(ec2, template_id, [version.number for version in own])
        for version in own:
            failure = failures.get(version.number, "")
            if failure:
                stuck[version.ami_id] = f"version {version.number} of {template_id} still names it"
            yield Step(
                what="launch template version", resource_id=f"{template_id} {version.number}", failure=failure
            )
    for ami in plan.going:
        why_stuck = stuck.get(ami.ami_id)
        failed = Step(what="image", resource_id=ami.ami_id, failure=why_stuck or "")
        yield failed if why_stuck else _remove_image(ec2, ami)
    for snapshot_id in plan.orphans:
        failure = _failure_of(functools.partial(delete_snapshot, ec2, snapshot_id))
        yield Step(what="snapshot", resource_id=snapshot_id, failure=failure)


def _delete_versions(ec2: EC2Client, template_id: str, numbers: Sequence[int]) -> dict[int, str]:
    try:
        return delete_versions(ec2, template_id, numbers)
    except (BotoCoreError, ClientError) as error:
        return dict.fromkeys(numbers, reason_of(error))


def _remove_image(ec2: EC2Client, ami: Ami) -> Step:
    """Remove *ami*, unless somebody began to use it since the plan was made."""
    done = Step(what="image", resource_id=ami.ami_id)
    try:
        users = [instance.instance_id for instance in find_instances(ec2, ami_id=ami.ami_id)]
        if users:
            return replace(done, kept_because=f"{', '.join(users)} runs it by now")
        deregister(ec2, ami)
    except (BotoCoreError, ClientError) as error:
        return replace(done, failure=reason_of(error))
    return done


def _failure_of(act: Callable[[], None]) -> str:
    """What went wrong with *act*; nothing when it did not."""
    try:
        act()
    except (BotoCoreError, ClientError) as error:
        return reason_of(error)
    return ""
