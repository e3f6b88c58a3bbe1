"""`restore`: a revoked image that may be used again."""

from __future__ import annotations

import argparse

from image_builder.commands.common import Exit, ami_id

HELP = "take back a revocation, and those of the images that were revoked because of it"
DESCRIPTION = """\
Takes back what revoke did: the revocation of the image, and of those that were revoked because they are
built on it. An image that was revoked by itself, or because of another base too, stays revoked. A
rejected image cannot be restored, and one that was revoked because of its base, or of the image that it
is a copy of, only with that. Copies in other regions are restored with their originals. What was shared
with other accounts before revoke --unshare is not shared anew. May be interrupted and run again."""
EXAMPLES = """examples:
  have an image used again:
    python -m image_builder restore ami-0123456789abcdef0
  what would be restored with a base image? (exit code 3, nothing changes):
    python -m image_builder restore ami-0123456789abcdef0 --dry-run

with --json, an object with these keys:
  ami_id, is_dry_run,
  images (ami_id, name, region, outcome: restored, revoked or unchanged, revoked: the tag's value, or empty,
  runs_in: number of instances by group, and without_group, shared_with, as revoke tells)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("ami_id", type=ami_id, metavar="AMI", help="the id of the image")
    parser.add_argument("--dry-run", action="store_true", help="change nothing; end with 3 if it would")


def run(options: argparse.Namespace) -> Exit:
    """Restore the copies, what is built on the image, then the image."""
    from image_builder.commands.common import require_ami
    from image_builder.commands.revocations import tell, work_of
    from image_builder.releasing.revoking import read_registry
    from image_builder.releasing.revoking_regions import restore

    work = work_of(options)
    registry = read_registry(work.amis, [work.ami_id])
    if work.ami_id not in registry.images and work.ami_id not in registry.causes:
        require_ami(work.amis, work.ami_id)
    return tell(work, registry, restore(work, registry), is_json=options.json)
