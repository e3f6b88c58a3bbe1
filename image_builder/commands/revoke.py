"""`revoke`: an image that must not be used any more."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

from image_builder.commands.common import Exit, ami_id

HELP = "have an image refused everywhere, with all that is built on it, now or from some moment on"
DESCRIPTION = """\
Revokes an image and every image of ours that is built on it: no pulumi up reuses it, accepts it as a
pin, promotes it or builds on it, and a stack that has it gets another one at its next up. The reason,
the time and your name stand on the image, in the tag Revoked. A moment to come is said in previews
until then. The base image may be revoked too, though somebody else owns it: its tag is seen by this
account alone. Copies in other regions are revoked with their originals. Lists what is revoked, which
groups still run any of it, and which accounts it is shared with: they do not see the tag, and can
launch it until it is shared with them no longer. No machine is touched. May be interrupted and run
again; an image that is revoked already stays as it is."""
EXAMPLES = """examples:
  refuse an image from now on, and see who still runs it:
    python -m image_builder revoke ami-0123456789abcdef0 --reason "CVE-2026-1234 in openssl"
  what would be revoked with a base image? (exit code 3, nothing changes):
    python -m image_builder revoke ami-0123456789abcdef0 --reason "end of life" --dry-run
  have previews warn for a month:
    python -m image_builder revoke ami-0123456789abcdef0 --reason "end of life" --at +30d
  have other accounts launch it no more (what they launched or copied stays):
    python -m image_builder revoke ami-0123456789abcdef0 --reason "CVE-2026-1234" --unshare
  take it back:
    python -m image_builder restore ami-0123456789abcdef0

with --json, an object with these keys:
  ami_id, at (empty where a tag written by hand does not tell), by, reason, is_in_force, is_dry_run,
  images (ami_id, name, region, outcome: revoked or unchanged, revoked: the tag's value,
  runs_in: number of instances by group, and without_group,
  shared_with: accounts, organisations or everybody, until now where --unshare was given)"""

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
    parser.add_argument(
        "--unshare",
        action="store_true",
        help="share with nobody what is revoked now; restore does not undo it",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing; end with 3 if it would")


def run(options: argparse.Namespace) -> Exit:
    """Revoke the image, then all that is built on it, and the copies."""
    from image_builder.commands.common import require_ami
    from image_builder.commands.revocations import tell, work_of
    from image_builder.ec2_client import find_caller
    from image_builder.releasing.revocation import new_revocation, short_name
    from image_builder.releasing.revoking import read_registry
    from image_builder.releasing.revoking_regions import revoke

    work = work_of(options, unshares=options.unshare)
    by = short_name(find_caller(options.region, profile=options.profile))
    asked = new_revocation(reason=options.reason, by=by, at=options.at or work.now)
    registry = read_registry(work.amis, [work.ami_id])
    if work.ami_id not in registry.images and work.ami_id not in registry.bases:
        require_ami(work.amis, work.ami_id)
    done = revoke(work, registry, asked, is_base=options.base)
    return tell(work, registry, done, is_json=options.json)


def moment(text: str) -> datetime:
    """*text* as a moment, for argparse."""
    if found := _PERIOD.fullmatch(text):
        hours = int(found[1]) * (24 if found[2] == "d" else 1)
        return datetime.now(UTC) + timedelta(hours=hours)
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # The latter of a moment that UTC has in the year 0 or 10000.
        raise argparse.ArgumentTypeError(
            f"{text!r} · a day, a time or a period was expected: 2026-12-01, 2026-12-01T12:00:00Z, +30d"
        ) from None
