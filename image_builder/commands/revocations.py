"""What `revoke` and `restore` have in common: what they are asked, and what they tell."""

from __future__ import annotations

import argparse
import functools
from datetime import UTC, datetime
from typing import Any

from image_builder.ami import iso
from image_builder.commands.common import Exit, print_json, print_sections, print_table
from image_builder.ec2_client import make_client
from image_builder.registry.usage import NOBODY, Users
from image_builder.releasing.revocation import TAG_REVOKED, read_revocation, refusal_of, warning_of
from image_builder.releasing.revoking import Registry, Standing
from image_builder.releasing.revoking_regions import Done, InRegion, Work


def work_of(options: argparse.Namespace, *, unshares: bool = False) -> Work:
    """What the *options* ask for."""
    client_of = functools.cache(functools.partial(make_client, profile=options.profile))
    return Work(
        ami_id=options.ami_id,
        region=client_of(options.region).meta.region_name,
        client_of=client_of,
        now=datetime.now(UTC),
        is_dry_run=options.dry_run,
        unshares=unshares,
    )


def tell(work: Work, registry: Registry, done: Done, *, is_json: bool) -> Exit:
    """Print what was done, who runs what, and what to do now."""
    if is_json:
        print_json(_plain(work, done))
    else:
        _print(work, registry, done)
    is_found = work.is_dry_run and any(one.is_new for there in done.regions for one in there.standings)
    return Exit.FOUND if is_found else Exit.DONE


def _print(work: Work, registry: Registry, done: Done) -> None:
    rows = [(there, one) for there in done.regions for one in there.standings]
    print_table(
        ("Image", "Name", "Runs in", "", "Why"),
        [
            (
                one.ami.ami_id,
                f"{one.ami.name or '-'}{'' if there.region == work.region else f' in {there.region}'}",
                ", ".join(_users_of(there, one).lines) or "-",
                f"would be {one.outcome}" if work.is_dry_run and one.outcome != "unchanged" else one.outcome,
                _why(one, work.now),
            )
            for there, one in rows
        ],
    )
    if work.ami_id not in registry.images:
        print(f"{work.ami_id} is deregistered, or not shared with this account: it has no tag of its own")
    words = "would be " if work.is_dry_run else ""
    counts = [
        sum(one.outcome == outcome for _, one in rows) for outcome in ("revoked", "restored", "unchanged")
    ]
    print(
        f"{work.region}: {counts[0]} {words}revoked, {counts[1]} {words}restored, {counts[2]} unchanged",
        flush=True,
    )
    if done.revocation and (advice := _advice(work, registry, done)):
        print_sections([("what to do now", [(line,) for line in advice])])


def _why(one: Standing, now: datetime) -> str:
    tags = {TAG_REVOKED: one.value}
    return (refusal_of(tags, now) or warning_of(tags, now)) if one.value else "not revoked"


def _users_of(there: InRegion, one: Standing) -> Users:
    return there.users.get(one.ami.ami_id, NOBODY)


def _advice(work: Work, registry: Registry, done: Done) -> list[str]:
    """What brings groups and other accounts off the images that are revoked."""
    lines = [line for there in done.regions for line in _runs(there)]
    if lines:
        if work.ami_id not in registry.ours:
            lines.append("lock another base: python -m image_builder lock")
        lines.append(
            "mend the image and run pulumi up in the stack of each group; "
            "or go back to another one first: pulumi config set pinnedAmi AMI"
        )
    return [*lines, *(line for there in done.regions for line in _shares(there, work))]


def _runs(there: InRegion) -> list[str]:
    """Who runs what is revoked in one region, a line each."""
    lines = []
    for one in there.standings:
        using = _users_of(there, one)
        if one.value and using is not NOBODY:
            ami_id = one.ami.ami_id
            lines += [
                f"{group} still runs {ami_id}: {_instances(count)}" for group, count in using.groups.items()
            ]
            if using.without_group:
                lines.append(f"no group has {_instances(using.without_group)} of {ami_id}: replace by hand")
    return lines


def _shares(there: InRegion, work: Work) -> list[str]:
    """Whom what is revoked is shared with in one region, a line each."""
    lines = []
    for one in there.standings:
        ami_id = one.ami.ami_id
        if accounts := ", ".join(there.shared.get(ami_id, ())):
            if work.unshares and read_revocation(one.value).holds(work.now):
                words = "would be shared" if work.is_dry_run else "is shared"
                lines.append(
                    f"{ami_id} {words} with {accounts} no longer; what they launched or copied stays"
                )
            else:
                lines.append(
                    f"{ami_id} is shared with {accounts}, where it can be launched on: share a mended one "
                    "(copy --with-account), and end it with --unshare"
                )
    return [*lines, *([there.hindrance] if there.hindrance else [])]


def _instances(count: int) -> str:
    return f"{count} instance{'' if count == 1 else 's'}"


def _plain(work: Work, done: Done) -> dict[str, Any]:
    revocation = done.revocation
    told = (
        {
            "at": iso(revocation.at) if revocation.at else "",
            "by": revocation.by,
            "reason": revocation.reason,
            "is_in_force": revocation.holds(work.now),
        }
        if revocation
        else {}
    )
    return {
        "ami_id": work.ami_id,
        **told,
        "is_dry_run": work.is_dry_run,
        "images": [
            {
                "ami_id": one.ami.ami_id,
                "name": one.ami.name,
                "region": there.region,
                "outcome": one.outcome,
                "revoked": one.value,
                "runs_in": {
                    "groups": dict(_users_of(there, one).groups),
                    "without_group": _users_of(there, one).without_group,
                },
                "shared_with": list(there.shared.get(one.ami.ami_id, ())),
            }
            for there in done.regions
            for one in there.standings
        ],
    }
