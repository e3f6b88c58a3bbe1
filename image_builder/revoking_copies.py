"""What revoking or restoring an image does to its copies, and to those of all that is built on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.ec2_client import reason_and_advice
from image_builder.errors import RevocationError
from image_builder.fleets import find_instances
from image_builder.originals import copies_of
from image_builder.revocation import TAG_REVOKED, read_revocation
from image_builder.revoking import Change, Registry, carry_out, concerned_by
from image_builder.tagging import Tagging
from image_builder.usage import Users, users_by_ami

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The copies of what is concerned, in one region."""

    region: str
    images: Mapping[str, Ami]
    changes: tuple[Change, ...]
    users: Mapping[str, Users]


def follow(
    ami_id: str,
    registry: Registry,
    changes: Iterable[Change],
    client_of: Callable[[str], EC2Client],
    *,
    now: datetime,
    is_dry_run: bool,
) -> list[Copies]:
    """Have the copies of *ami_id*, and of what is built on it, follow *changes*; what became of them."""
    return [
        _follow_in(region, originals, client_of(region), now=now, is_dry_run=is_dry_run)
        for region, originals in _originals_by_copy(ami_id, registry, changes)
    ]


def changes_of_copies(
    originals: Mapping[str, Change], there: Mapping[str, Ami], now: datetime
) -> Iterator[Change]:
    """What has to change for the copies *there* to follow their *originals*, by the copy's id; a revocation
    of a copy's own, made in its region, stays.
    """
    for ami_id, original in originals.items():
        if ami_id not in there:
            continue
        present = there[ami_id].tags.get(TAG_REVOKED, "")
        is_own = present not in ("", original.before, original.after)
        if is_own and (not original.after or read_revocation(present).holds(now)):
            continue
        if present != original.after:
            yield Change(ami=there[ami_id], before=present, after=original.after)


def _originals_by_copy(
    ami_id: str, registry: Registry, changes: Iterable[Change]
) -> Iterable[tuple[str, dict[str, Change]]]:
    """By region, and there by the copy's id, what becomes of the original, be it nothing."""
    changed = {change.ami.ami_id: change for change in changes}
    by_region: dict[str, dict[str, Change]] = {}
    for ami in concerned_by(ami_id, registry):
        value = ami.tags.get(TAG_REVOKED, "")
        change = changed.get(ami.ami_id) or Change(ami=ami, before=value, after=value)
        for region, copy in copies_of(ami).items():
            by_region.setdefault(region, {})[copy] = change
    return sorted(by_region.items())


def _follow_in(
    region: str, originals: Mapping[str, Change], client: EC2Client, *, now: datetime, is_dry_run: bool
) -> Copies:
    try:
        there = Amis(client, region).find_by_ids(originals)
        changes = tuple(changes_of_copies(originals, there, now))
        if not is_dry_run:
            carry_out(changes, Tagging(client))
        users = users_by_ami(find_instances(client))
    except (BotoCoreError, ClientError) as error:
        raise RevocationError(
            f"the copies in {region} ({', '.join(originals)}) were not reached: {reason_and_advice(error)} · "
            "run the same command again"
        ) from error
    return Copies(region=region, images=there, changes=changes, users=users)
