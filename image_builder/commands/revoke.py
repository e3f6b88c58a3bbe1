"""`revoke`: an image that must not be used any more."""

from __future__ import annotations

import argparse
import functools
import re
from datetime import UTC, datetime, timedelta

from image_builder.commands.common import Exit, ami_id

HELP = "have an image refused everywhere, with all that is built on it, now or from some moment on"
DESCRIPTION = """\
Revokes an image and every image of ours that is built on it: no pulumi up reuses it, accepts it as a
pin, promotes it or builds on it, and a stack that has it gets another one at its next up. The reason,
the time and your name stand on the image, in the tag Revoked. A moment to come is said in previews
until then. The base image may be revoked too, though somebody else owns it: its tag is seen by this
account alone. Copies in other regions are revoked with their originals. Lists what is revoked and
which groups still run any of it; no machine is touched. May be interrupted and run again; an image that
is revoked already stays as it is."""
EXAMPLES = """examples:
  refuse an image from now on, and see who still runs it:
    python -m image_builder revoke ami-0123456789abcdef0 --reason "CVE-2026-1234 in openssl"
  what would be revoked with a base image? (exit code 3, nothing changes):
    python -m image_builder revoke ami-0123456789abcdef0 --reason "end of life" --dry-run
  have previews warn for a month:
    python -m image_builder revoke ami-0123456789abcdef0 --reason "end of life" --at +30d
  take it back:
    python -m image_builder restore ami-0123456789abcdef0

with --json, an object with these keys:
  ami_id, at (empty where a tag written by hand does not tell), by, reason, is_in_force, is_dry_run,
  images (ami_id, name, outcome: revoked or unchanged, revoked: the tag's value,
  runs_in: number of instances by group, and without_group)"""

_PERIOD = re.compile(r"\+(\d{1,5})([hd])")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("ami_id", type=ami_id, metavar="AMI", help="the id of the image")
    parser.add_argument(
        "--reason", required=True, metavar="TEXT", help="why; people read it where it is refused"
    )
    parser.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        help="from when: 2026-12-01, 2026-12-01T12:00:00Z (UTC without an offset), +12h, +30d (default: now)",
    )
    parser.add_argument("--base", action="store_true", help="also an image that nothing is built on yet")
    parser.add_argument("--dry-run", action="store_true", help="change nothing; end with 3 if it would")


def run(options: argparse.Namespace) -> Exit:
    """Revoke the image, then all that is built on it."""
    from image_builder.amis import Amis
    from image_builder.commands.common import require_ami
    from image_builder.commands.revocations import Told, tell
    from image_builder.ec2_client import find_caller, make_client
    from image_builder.fleets import find_instances
    from image_builder.revocation import new_revocation, short_name
    from image_builder.revoking import carry_out, read_registry, settle, to_be_revoked
    from image_builder.revoking_copies import follow
    from image_builder.tagging import Tagging
    from image_builder.usage import users_by_ami

    now = datetime.now(UTC)
    client = make_client(options.region, profile=options.profile)
    amis, tagging = Amis(client, client.meta.region_name), Tagging(client)
    by = short_name(find_caller(options.region, profile=options.profile))
    asked = new_revocation(reason=options.reason, by=by, at=options.at or now)
    registry = read_registry(amis, options.ami_id)
    if options.ami_id not in registry.images and options.ami_id not in registry.bases:
        require_ami(amis, options.ami_id)
    revocation = to_be_revoked(options.ami_id, registry, asked, now, is_base=options.base)
    changes = settle(options.ami_id, registry, revocation)
    if not options.dry_run:
        # The image first: from then on nothing new is built on it, and what was meanwhile is found below.
        carry_out([change for change in changes if change.ami.ami_id == options.ami_id], tagging)
        registry = read_registry(amis, options.ami_id)
        below = [
            change
            for change in settle(options.ami_id, registry, revocation)
            if change.ami.ami_id != options.ami_id
        ]
        carry_out(below, tagging)
        changes = [*(change for change in changes if change.ami.ami_id == options.ami_id), *below]
    client_of = functools.partial(make_client, profile=options.profile)
    copies = follow(options.ami_id, registry, changes, client_of, now=now, is_dry_run=options.dry_run)
    tell(
        Told(
            ami_id=options.ami_id,
            registry=registry,
            revocation=revocation,
            changes=changes,
            users=users_by_ami(find_instances(client)),
            copies=copies,
            now=now,
        ),
        amis.region,
        is_dry_run=options.dry_run,
        is_json=options.json,
    )
    return Exit.FOUND if options.dry_run and changes else Exit.DONE


def moment(text: str) -> datetime:
    """*text* as a moment, for argparse."""
    if found := _PERIOD.fullmatch(text):
        hours = int(found[1]) * (24 if found[2] == "d" else 1)
        return datetime.now(UTC) + timedelta(hours=hours)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} · a day, a time or a period was expected: 2026-12-01, 2026-12-01T12:00:00Z, +30d"
        ) from None
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
