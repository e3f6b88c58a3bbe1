"""`copy`: an image in other regions."""

from __future__ import annotations

import argparse

from image_builder.commands.common import Exit, ami_id

HELP = "copy an image to other regions, encrypted and with its tags"
DESCRIPTION = """\
Copies an image to other regions of this account, encrypted with the default key of each, with its tags and
those of its snapshots, and waits for the copies. A copy that is there already, or is being made, is used. May
be interrupted and run again; a copy that failed is made again. A stack in such a region finds the copy by its
fingerprint. Revoking an image does not revoke its copies: revoke each in its own region."""
EXAMPLES = """examples:
  have an image in two more regions:
    python -m image_builder copy ami-0123456789abcdef0 --to-region eu-west-1 --to-region eu-north-1

with --json, a list of objects with these keys:
  region, ami_id"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("ami_id", type=ami_id, metavar="AMI", help="the id of the image")
    parser.add_argument(
        "--to-region", action="append", required=True, metavar="REGION", help="where to; may be repeated"
    )
    parser.add_argument(
        "--timeout-minutes", type=int, default=60, metavar="MINUTES", help="wait so long (default: 60)"
    )


def run(options: argparse.Namespace) -> Exit:
    """Begin all copies, then wait for each."""
    import time

    from image_builder.amis import Amis
    from image_builder.commands.common import print_json, print_table, require_ami
    from image_builder.copies import find_or_start_copy, require_copyable
    from image_builder.ec2_client import make_client
    from image_builder.errors import AmiError

    client = make_client(options.region, profile=options.profile)
    region = client.meta.region_name
    ami = require_ami(Amis(client, region), options.ami_id)
    require_copyable(ami)
    if region in options.to_region:
        raise AmiError(f"--to-region {region} is where {ami.ami_id} is · another region was expected")
    targets = {name: make_client(name, profile=options.profile) for name in dict.fromkeys(options.to_region)}
    copies = {
        name: find_or_start_copy(ami, (client, region), (target, name)) for name, target in targets.items()
    }
    deadline = time.monotonic() + options.timeout_minutes * 60
    for name, copy in copies.items():
        try:
            Amis(targets[name], name).wait_until_available(copy, deadline=deadline)
        except AmiError as error:
            raise AmiError(f"copy of {ami.ami_id} in {name}: {error}") from None
    if options.json:
        print_json([{"region": name, "ami_id": copy} for name, copy in copies.items()])
    else:
        print_table(("REGION", "COPY"), list(copies.items()))
    return Exit.DONE
