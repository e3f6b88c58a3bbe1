"""What `revoke` and `restore` tell: what became of which images, and who runs them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from image_builder.ami import Ami, iso
from image_builder.ancestry import descendants
from image_builder.commands.common import print_json, print_sections, print_table
from image_builder.revocation import TAG_REVOKED, Revocation, refusal_of, warning_of
from image_builder.revoking import Change, Registry
from image_builder.revoking_copies import Copies
from image_builder.usage import NOBODY, Users


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was decided for an image and all that is built on it."""

    ami_id: str
    registry: Registry
    revocation: Revocation | None
    """None for a restored one."""
    changes: Sequence[Change]
    users: Mapping[str, Users]
    copies: Sequence[Copies]
    now: datetime

    @functools.cached_property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """Id, name, outcome and the tag's value of each image that is concerned, copies last."""
        concerned = [one.ami for one in descendants(self.ami_id, self.registry.images.values())]
        if root := self.registry.images.get(self.ami_id):
            concerned.insert(0, root)
        changes = _by_ami(self.changes)
        rows = [(ami.ami_id, ami.name, *_outcome(ami, changes)) for ami in concerned]
        for there in self.copies:
            changes = _by_ami(there.changes)
            rows += [
                (ami.ami_id, f"{ami.name} in {there.region}", *_outcome(ami, changes))
                for ami in there.images.values()
            ]
        return rows

    def users_of(self, ami_id: str) -> Users:
        """Who runs it, wherever it is."""
        by_region = [self.users, *(there.users for there in self.copies)]
        return next((users[ami_id] for users in by_region if ami_id in users), NOBODY)


def _by_ami(changes: Iterable[Change]) -> dict[str, Change]:
    return {change.ami.ami_id: change for change in changes}


def _outcome(ami: Ami, changes: Mapping[str, Change]) -> tuple[str, str]:
    change = changes.get(ami.ami_id)
    value = change.after if change else ami.tags.get(TAG_REVOKED, "")
    return ("revoked" if value else "restored") if change else "unchanged", value


def tell(told: Told, region: str, *, is_dry_run: bool, is_json: bool) -> None:
    """Print it, with who runs what."""
    if is_json:
        print_json(_plain(told, is_dry_run=is_dry_run))
        return
    print_table(
        ("Image", "Name", "Runs in", "", "Why"),
        [
            (
                ami_id,
                name or "-",
                ", ".join(told.users_of(ami_id).lines) or "-",
                f"would be {outcome}" if is_dry_run and outcome != "unchanged" else outcome,
                refusal_of({TAG_REVOKED: value}, told.now) or warning_of({TAG_REVOKED: value}, told.now)
                if value
                else "not revoked",
            )
            for ami_id, name, outcome, value in told.rows
        ],
    )
    if told.ami_id not in told.registry.images:
        print(f"{told.ami_id} is deregistered, or not shared with this account: it has no tag of its own")
    counts = [sum(row[2] == outcome for row in told.rows) for outcome in ("revoked", "restored", "unchanged")]
    words = "would be " if is_dry_run else ""
    print(
        f"{region}: {counts[0]} {words}revoked, {counts[1]} {words}restored, {counts[2]} unchanged",
        flush=True,
    )
    if told.revocation and (advice := _advice(told)):
        print_sections([("what to do now", [(line,) for line in advice])])


def _advice(told: Told) -> list[str]:
    """What brings the groups off the images that are revoked."""
    lines = []
    for ami_id, _, _, value in told.rows:
        using = told.users_of(ami_id)
        if value and using is not NOBODY:
            lines += [
                f"{group} still runs {ami_id}: {_instances(count)}" for group, count in using.groups.items()
            ]
            if using.without_group:
                lines.append(f"no group has {_instances(using.without_group)} of {ami_id}: replace by hand")
    if lines:
        if told.ami_id not in told.registry.ours:
            lines.append("lock another base: python -m image_builder lock")
        lines.append(
            "mend the image and run pulumi up in the stack of each group; "
            "or go back to another one first: pulumi config set pinnedAmi AMI"
        )
    return lines


def _instances(count: int) -> str:
    return f"{count} instance{'' if count == 1 else 's'}"


def _plain(told: Told, *, is_dry_run: bool) -> dict[str, Any]:
    revocation = told.revocation
    return {
        "ami_id": told.ami_id,
        **(
            {
                "at": iso(revocation.at) if revocation.at else "",
                "by": revocation.by,
                "reason": revocation.reason,
                "is_in_force": revocation.holds(told.now),
            }
            if revocation
            else {}
        ),
        "is_dry_run": is_dry_run,
        "images": [
            {
                "ami_id": ami_id,
                "name": name,
                "outcome": outcome,
                "revoked": value,
                "runs_in": {
                    "groups": dict(told.users_of(ami_id).groups),
                    "without_group": told.users_of(ami_id).without_group,
                },
            }
            for ami_id, name, outcome, value in told.rows
        ],
    }
