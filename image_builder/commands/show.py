"""`show`: everything about one image."""

from __future__ import annotations

import argparse

from image_builder.commands.common import Exit, account_of, ami_id, print_json, print_sections, require_ami

HELP = (
    "tell everything about one image: tags, snapshots, files, packages, ancestry up and down, where it runs"
)
DESCRIPTION = """\
Tells of one image its state and tags, its snapshots, the files that it was made of, how many packages
are installed, the images that it is built on as far as this account can see them, our images that are
built on it, and the instances that run it. Any AMI can be shown that this account can see, a base image
too."""
EXAMPLES = """examples:
  everything about an image:
    python -m image_builder show ami-0123456789abcdef0
  what is built on a base image, for a script:
    python -m image_builder show ami-0123456789abcdef0 --json | jq -r '.descendants[].ami_id'

with --json, an object with the keys of `list --json`, and:
  owner_id, architecture, state_reason, tags,
  snapshots (snapshot_id, state, gigabytes, is_encrypted, tags),
  files, variables (digests by path and by name), files_hindrance (empty, or why they are not known),
  packages (version by name), packages_hindrance (the same),
  ancestors (nearest first: ami_id, is_visible, and name, created_at: empty when out of sight),
  descendants (ami_id, name, built_on, generation, built_at, refusal),
  instances (instance_id, state, group)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("ami_id", type=ami_id, metavar="AMI", help="the id of the image")


def run(options: argparse.Namespace) -> Exit:
    """Show."""
    from datetime import UTC, datetime

    from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER
    from image_builder.registry.ancestry import ancestors, descendants
    from image_builder.registry.fleets import find_instances
    from image_builder.registry.snapshots import Snapshots
    from image_builder.telling.details import Details

    account = account_of(options)
    amis = account.amis
    ami = require_ami(amis, options.ami_id)
    details = Details(
        ami=ami,
        ancestors=ancestors(ami, lambda base_id: amis.find_by_ids([base_id]).get(base_id)),
        descendants=descendants(ami.ami_id, amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER})),
        snapshots=Snapshots(account.ec2).find(ami.snapshot_ids),
        instances=list(find_instances(account.ec2, ami_id=ami.ami_id)),
    )
    now = datetime.now(UTC)
    if options.json:
        print_json(details.plain(now))
    else:
        print_sections(details.sections(now))
    return Exit.DONE
