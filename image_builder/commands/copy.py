"""`copy`: an image in other regions, and for other accounts."""

from __future__ import annotations

import argparse
import re
import sys

from image_builder.commands.common import Exit, ami_id
from image_builder.regions import REGION

HELP = "copy an image to other regions, encrypted and with its tags, and share it with other accounts"
DESCRIPTION = """\
Copies an image to other regions of this account, encrypted, with its tags and those of its snapshots,
waits for the copies, and lets other accounts use the image and its copies. A copy that is there
already, or is being made, is used. May be interrupted and run again; a copy that failed is made again.
What cannot be shared, because its key is AWS's own or does not let the account in, is said before
anything is copied. Revoking or restoring an image does the same to its copies."""
EXAMPLES = """examples:
  have an image in two more regions:
    python -m image_builder copy ami-0123456789abcdef0 --to-region eu-west-1 --to-region eu-north-1
  let another account use it, here and there:
    python -m image_builder copy ami-0123456789abcdef0 --to-region eu-west-1 \\
      --with-account 111122223333 --kms-key alias/images

with --json, a list of objects with these keys:
  region, ami_id"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("ami_id", type=ami_id, metavar="AMI", help="the id of the image")
    parser.add_argument(
        "--to-region",
        action="append",
        type=_region,
        default=[],
        metavar="REGION",
        help="where to; may be repeated",
    )
    parser.add_argument(
        "--with-account",
        action="append",
        type=_account,
        default=[],
        metavar="ACCOUNT",
        help="who may use it; may be repeated",
    )
    parser.add_argument(
        "--kms-key",
        default="",
        metavar="KEY",
        help="what copies are encrypted with, best an alias that each region has (default: the region's own)",
    )
    parser.add_argument(
        "--timeout-minutes", type=_minutes, default=60, metavar="MINUTES", help="wait so long (default: 60)"
    )


def run(options: argparse.Namespace) -> Exit:
    """Copy and share."""
    import time

    from image_builder.amis import Amis
    from image_builder.commands.common import print_json, print_table, require_ami
    from image_builder.ec2_client import make_client
    from image_builder.errors import AmiError
    from image_builder.releasing.copies import Place, Wanted, spread

    if not options.to_region and not options.with_account:
        print("copy has nowhere to go · --to-region or --with-account was expected", file=sys.stderr)
        return Exit.USAGE
    client = make_client(options.region, profile=options.profile)
    region = client.meta.region_name
    ami = require_ami(Amis(client, region), options.ami_id)
    if region in options.to_region:
        raise AmiError(f"--to-region {region} is where {ami.ami_id} is · another region was expected")
    copies = spread(
        ami,
        Wanted(
            region=region,
            copy_to_regions=tuple(dict.fromkeys(options.to_region)),
            share_with_accounts=tuple(dict.fromkeys(options.with_account)),
            kms_key=options.kms_key,
        ),
        deadline=time.monotonic() + options.timeout_minutes * 60,
        say=lambda line: print(line, file=sys.stderr, flush=True),
        place=lambda name: Place.of(name, options.profile),
    )
    if options.json:
        print_json([{"region": name, "ami_id": copy} for name, copy in copies.items()])
    elif copies:
        print_table(("Region", "Copy"), list(copies.items()))
    return Exit.DONE


def _region(text: str) -> str:
    if not REGION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} · a region such as eu-west-1 was expected")
    return text


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} · the 12 digits of an account were expected")
    return text


def _minutes(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} · a whole number of minutes from 1 was expected")
    return int(text)
