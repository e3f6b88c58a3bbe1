"""`restore`: a revoked image that may be used again."""

from __future__ import annotations

import argparse
import functools

from image_builder.commands.common import Exit, ami_id

HELP = "take back a revocation, and those of the images that were revoked because of it"
DESCRIPTION = """\
Takes back what revoke did: the revocation of the image, and of those that were revoked because they are
built on it. An image that was revoked by itself, or because of another base too, stays revoked. A
rejected image cannot be restored, and one that was revoked because of its base only with that. Copies
in other regions are restored with their originals. May be interrupted and run again."""
EXAMPLES = """examples:
  have an image used again:
    python -m image_builder restore ami-0123456789abcdef0
  what would be restored with a base image? (exit code 3, nothing changes):
    python -m image_builder restore ami-0123456789abcdef0 --dry-run

with --json, an object with these keys:
  ami_id, is_dry_run,
  images (ami_id, name, outcome: restored, revoked or unchanged, revoked: the tag's value, or empty,
  runs_in: number of instances by group, and without_group)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("ami_id", type=ami_id, metavar="AMI", help="the id of the image")
    parser.add_argument("--dry-run", action="store_true", help="change nothing; end with 3 if it would")


def run(options: argparse.Namespace) -> Exit:
    """Restore what is built on the image, then the image."""
    from datetime import UTC, datetime

    from image_builder.amis import Amis
    from image_builder.commands.common import require_ami
    from image_builder.commands.revocations import Told, tell
    from image_builder.ec2_client import make_client
    from image_builder.fleets import find_instances
    from image_builder.revoking import carry_out, read_registry, require_restorable, settle
    from image_builder.revoking_copies import follow
    from image_builder.tagging import Tagging
    from image_builder.usage import users_by_ami

    client = make_client(options.region, profile=options.profile)
    amis = Amis(client, client.meta.region_name)
    registry = read_registry(amis, options.ami_id)
    if options.ami_id not in registry.images and options.ami_id not in registry.causes:
        require_ami(amis, options.ami_id)
    require_restorable(options.ami_id, registry)
    changes = settle(options.ami_id, registry, None)
    now = datetime.now(UTC)
    client_of = functools.partial(make_client, profile=options.profile)
    copies = follow(options.ami_id, registry, changes, client_of, now=now, is_dry_run=options.dry_run)
    if not options.dry_run:
        # The image last: until then the same command finds what it has still to do.
        carry_out([change for change in changes if change.ami.ami_id != options.ami_id], Tagging(client))
        carry_out([change for change in changes if change.ami.ami_id == options.ami_id], Tagging(client))
    tell(
        Told(
            ami_id=options.ami_id,
            registry=registry,
            revocation=None,
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
