"""Revokes and restores an image: where it is, then in each region that has copies of what is concerned.

A copy follows what it is a copy of, and what is built on the copy follows that; so do copies of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.amis import Amis
from image_builder.ec2_client import reason_and_advice
from image_builder.errors import RevocationError
from image_builder.registry.fleets import find_instances
from image_builder.registry.tagging import Tagging
from image_builder.registry.usage import Users, users_by_ami
from image_builder.releasing.originals import copies_of, original_of
from image_builder.releasing.revocation import TAG_REVOKED, Revocation, read_revocation, revocations_in
from image_builder.releasing.revoking import (
    Registry,
    Standing,
    carry_out,
    read_registry,
    settle,
    to_be_revoked,
    without_own,
)
from image_builder.releasing.sharing import find_shared, unshare

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, kw_only=True)
class InRegion:
    """What became of the images that are concerned in one region, and who uses them."""

    region: str
    standings: Sequence[Standing]
    users: Mapping[str, Users]
    shared: Mapping[str, Sequence[str]]
    """Whom each revoked image of ours is, or was until now, shared with."""
    hindrance: str
    """Why that is not known of all of them."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done to which image, and how AWS is asked."""

    ami_id: str
    region: str
    client_of: Callable[[str], EC2Client]
    now: datetime
    is_dry_run: bool
    unshares: bool = False
    """Whether other accounts are to lose what is revoked."""

    @property
    def amis(self) -> Amis:
        """Those of the image's own region."""
        return Amis(self.client_of(self.region), self.region, client_of=self.client_of)

    def carry_out(self, standings: Iterable[Standing], region: str) -> None:
        """Make *standings* true, unless this is a dry run."""
        if not self.is_dry_run:
            carry_out(standings, Tagging(self.client_of(region)))


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done, or would be."""

    revocation: Revocation | None
    """That of the image itself; None where it was restored."""
    regions: Sequence[InRegion]
    """The image's own region first."""


def revoke(work: Work, registry: Registry, asked: Revocation, *, is_base: bool) -> Done:
    """Revoke the image as *asked*, then all that follows."""
    revocation = to_be_revoked(work.ami_id, registry, asked, work.now, is_base=is_base)
    wanted = {work.ami_id: [revocation, *_of_original(work.ami_id, registry)]}
    if not work.is_dry_run:
        # The image first: from then on nothing new is built on it, and what was meanwhile is found below.
        work.carry_out(_only(work.ami_id, settle(registry, wanted)), work.region)
    standings = settle(registry, wanted)
    if not work.is_dry_run:
        below = settle(read_registry(work.amis, [work.ami_id]), wanted)
        standings = [*_only(work.ami_id, standings), *_all_but(work.ami_id, below)]
        work.carry_out(_all_but(work.ami_id, standings), work.region)
    copies = _follow(work, standings)
    return Done(revocation=revocation, regions=[_told(work, work.region, standings, registry), *copies])


def restore(work: Work, registry: Registry) -> Done:
    """Take the revocation of the image back, and all that follows from it."""
    ami = registry.images.get(work.ami_id)
    where = original_of(ami) if ami else None
    original = work.amis.elsewhere(where[0]).get(where[1]) if where else None
    kept = without_own(work.ami_id, registry, original)
    standings = settle(registry, {work.ami_id: kept})
    copies = _follow(work, standings)
    # The image last: until then the same command finds what it has still to do.
    work.carry_out(_all_but(work.ami_id, standings), work.region)
    work.carry_out(_only(work.ami_id, standings), work.region)
    return Done(revocation=None, regions=[_told(work, work.region, standings, registry), *copies])


def wanted_of_copies(originals: Mapping[str, Standing], there: Registry) -> dict[str, list[Revocation]]:
    """The revocations that the copies *there* are to have, by id: their own, and that of their original."""
    wanted = {}
    for ami_id, original in originals.items():
        if ami_id in there.images:
            # Copies once got the very words of their original.
            same = original.value, original.before.get(TAG_REVOKED)
            own = [one for one in there.own_of(ami_id) if one.value not in same]
            followed = (
                [read_revocation(original.value).of_copy(original.ami.ami_id)] if original.value else []
            )
            wanted[ami_id] = [*own, *followed]
    return wanted


def _follow(work: Work, standings: Iterable[Standing]) -> list[InRegion]:
    """Have the copies of what is concerned follow, and copies of copies; what became of them."""
    followed: list[InRegion] = []
    seen = {(work.region, one.ami.ami_id) for one in standings}
    waiting = list(standings)
    while waiting:
        by_region: dict[str, dict[str, Standing]] = {}
        for original in waiting:
            for region, copy in copies_of(original.ami).items():
                if (region, copy) not in seen:
                    seen.add((region, copy))
                    by_region.setdefault(region, {})[copy] = original
        waiting = []
        for region, originals in sorted(by_region.items()):
            there = _follow_in(work, region, originals)
            followed.append(there)
            seen |= {(region, one.ami.ami_id) for one in there.standings}
            waiting += there.standings
    return followed


def _follow_in(work: Work, region: str, originals: Mapping[str, Standing]) -> InRegion:
    try:
        registry = read_registry(Amis(work.client_of(region), region), originals)
        standings = settle(registry, wanted_of_copies(originals, registry))
        work.carry_out(standings, region)
        return _told(work, region, standings, registry)
    except (BotoCoreError, ClientError) as error:
        raise RevocationError(
            f"the copies in {region} ({', '.join(originals)}) were not reached: {reason_and_advice(error)} · "
            "run the same command again"
        ) from error


def _told(work: Work, region: str, standings: Sequence[Standing], registry: Registry) -> InRegion:
    client = work.client_of(region)
    revoked = [one for one in standings if one.value and one.ami.ami_id in registry.ours]
    shared, hindrance = find_shared(client, [one.ami for one in revoked])
    if work.unshares and not work.is_dry_run:
        for one in revoked:
            if one.ami.ami_id in shared and read_revocation(one.value).holds(work.now):
                unshare(client, one.ami)
    return InRegion(
        region=region,
        standings=standings,
        users=users_by_ami(find_instances(client)),
        shared=shared,
        hindrance=hindrance,
    )


def _of_original(ami_id: str, registry: Registry) -> list[Revocation]:
    ami = registry.images.get(ami_id)
    return [one for one in revocations_in(ami.tags) if one.relation == "original"] if ami else []


def _only(ami_id: str, standings: Iterable[Standing]) -> list[Standing]:
    return [one for one in standings if one.ami.ami_id == ami_id]


def _all_but(ami_id: str, standings: Iterable[Standing]) -> list[Standing]:
    return [one for one in standings if one.ami.ami_id != ami_id]
