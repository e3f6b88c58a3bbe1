"""What nothing needs any more, and its removal: launch template versions before the images that they name."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import Ami
from image_builder.ec2_client import reason_of
from image_builder.errors import ImageBuildError
from image_builder.registry.account import Account
from image_builder.registry.fleets import find_instances
from image_builder.registry.launch_templates import Version, delete_versions
from image_builder.releasing.sharing import find_accounts
from image_builder.retention.keeping import UNVERIFIED, Facts, why_kept
from image_builder.retention.removal import (
    delete_snapshot,
    deregister,
    find_copies,
    find_orphans,
)

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

MOST_ASKED = 200
"""Whom an image is shared with takes a call for each: a dry run asks of these, and says so of the others."""
BATCH = 50
"""So many images go before it is looked again what is needed by now."""


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


def make_plan(
    account: Account,
    images: Sequence[Ami],
    facts: Facts,
    versions: Sequence[Version],
    *,
    keeps_shared: bool,
    most_asked: int | None,
) -> Plan:
    """What of *images* may go; of these AWS is asked where copies of them are and, of *most_asked* at most,
    whom they are shared with.
    """
    facts = replace(facts, copied=find_copies(account.amis, _unneeded(images, facts)))
    unasked: list[Ami] = []
    if keeps_shared:
        candidates = list(reversed(_unneeded(images, facts)))
        count = len(candidates) if most_asked is None else most_asked
        unasked = candidates[count:]
        facts = _with_accounts(account.ec2, candidates[:count], facts)
    reasons = why_kept(images, facts)
    going = {ami_id for ami_id, needed in reasons.items() if not needed}
    snapshots = {snapshot for ami in images for snapshot in ami.snapshot_ids}
    return Plan(
        images=images,
        facts=facts,
        reasons=reasons,
        versions=[version for version in versions if version.ami_id in going and _is_deletable(version)],
        orphans=find_orphans(account.ec2, snapshots, facts.families, facts.now - UNVERIFIED),
        unasked=[ami.ami_id for ami in unasked if ami.ami_id in going],
    )


def carry_out(ec2: EC2Client, plan: Plan, look: Callable[[], Facts]) -> Iterator[Step]:
    """Remove what *plan* lets go, a step at a time; what fails does not keep the rest from going.

    *look* tells what is needed by now: it is asked again for each batch of images.
    """
    going = plan.going
    for start in range(0, len(going), BATCH):
        try:
            needed = why_kept(plan.images, look())
        except (ImageBuildError, BotoCoreError, ClientError) as error:
            told = str(error) if isinstance(error, ImageBuildError) else reason_of(error)
            failure = f"what is needed by now cannot be told: {told}"
            for ami in going[start:]:
                yield Step(what="image", resource_id=ami.ami_id, failure=failure)
            return
        batch = going[start : start + BATCH]
        for ami in batch:
            if reasons := needed[ami.ami_id]:
                yield Step(what="image", resource_id=ami.ami_id, kept_because=f"{'; '.join(reasons)}, by now")
        yield from _remove(ec2, plan, [ami for ami in batch if not needed[ami.ami_id]])
    for snapshot_id in plan.orphans:
        failure = _failure_of(functools.partial(delete_snapshot, ec2, snapshot_id))
        yield Step(what="snapshot", resource_id=snapshot_id, failure=failure)


def _unneeded(images: Sequence[Ami], facts: Facts) -> list[Ami]:
    reasons = why_kept(images, facts)
    return [ami for ami in images if not reasons[ami.ami_id]]


def _with_accounts(ec2: EC2Client, asked: Sequence[Ami], facts: Facts) -> Facts:
    """*facts* with whom each of *asked* is shared with, or why that cannot be told."""
    shared: dict[str, list[str]] = {}
    unknown: dict[str, str] = {}
    for ami in asked:
        try:
            shared[ami.ami_id] = find_accounts(ec2, ami)
        except ClientError as error:
            unknown[ami.ami_id] = f"whom it is shared with cannot be told: {reason_of(error)}"
    return replace(facts, shared=shared, unknown=unknown)


def _is_deletable(version: Version) -> bool:
    # AWS deletes no default version (DeleteLaunchTemplateVersions, EC2 API reference); what a parameter holds
    # is another image tomorrow.
    return not version.is_default and not version.is_alias


def _remove(ec2: EC2Client, plan: Plan, images: Collection[Ami]) -> Iterator[Step]:
    """Remove the launch template versions that name *images*, then these."""
    stuck: dict[str, str] = {}
    ami_ids = {ami.ami_id for ami in images}
    naming = [version for version in plan.versions if version.ami_id in ami_ids]
    for template_id, versions in itertools.groupby(naming, key=lambda version: version.template_id):
        own = list(versions)
        failures = _delete_versions(ec2, template_id, [version.number for version in own])
        for version in own:
            failure = failures.get(version.number, "")
            if failure:
                stuck[version.ami_id] = f"version {version.number} of {template_id} still names it"
            yield Step(
                what="launch template version", resource_id=f"{template_id} {version.number}", failure=failure
            )
    for ami in images:
        why_stuck = stuck.get(ami.ami_id)
        failed = Step(what="image", resource_id=ami.ami_id, failure=why_stuck or "")
        yield failed if why_stuck else _remove_image(ec2, ami)


def _delete_versions(ec2: EC2Client, template_id: str, numbers: Sequence[int]) -> dict[int, str]:
    try:
        return delete_versions(ec2, template_id, numbers)
    except (BotoCoreError, ClientError) as error:
        return dict.fromkeys(numbers, reason_of(error))


def _remove_image(ec2: EC2Client, ami: Ami) -> Step:
    """Remove *ami*, unless somebody began to use it since its batch was looked at."""
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
