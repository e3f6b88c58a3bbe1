"""`explain`: what the next `pulumi up` would do about the image, and why."""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_builder.commands.common import Exit, ami_id, complain, print_json, print_sections, require_ami

if TYPE_CHECKING:
    from image_builder.checkout.stack_config import StackConfig
    from image_builder.inputs import ImageInputs

HELP = "say why the working tree would be built, or which image would be used, file by file"
DESCRIPTION = """\
Says whether an image of the working tree is there already or would be built, and which files and
variables differ from the newest image of the family, from the pinned one, or from that of --against.
With --stack it goes by that stack's config (region, folder, family, pin, promotion, gate, owners), and
compares with the image that succeeded there last; where its up would refuse every image, it fails with
that reason.
What an image was made of is recorded on its snapshots when it is built; of one without a record it
is said that there is none. Nothing is built or changed."""
EXAMPLES = """examples:
  would this be built, and because of which files?
    python -m image_builder explain
  what would the next up of prod do, and what is different in what it runs?
    python -m image_builder explain --stack prod
  what is different in that image?
    python -m image_builder explain --against ami-0123456789abcdef0
  may this image be pinned?
    python -m image_builder explain --pin ami-0123456789abcdef0
  in a pipeline, which goes on only where there is something to build (exit code 3):
    python -m image_builder explain --json

with --json, an object with these keys:
  outcome (build, reuse, pin or promote), ami_id (empty for build), family, fingerprint,
  refused (of the same fingerprint: ami_id, reason),
  against (null, or ami_id, name, commit, built_at, files: path and change, variables: names,
  hindrance: empty, or why the differences are not known)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument(
        "--folder",
        type=Path,
        help="the folder of the image (default: the stack's, or images/web-app)",
    )
    parser.add_argument(
        "--family", help="the family of the image (default: the stack's, or the folder's name)"
    )
    parser.add_argument("--stack", default="", metavar="STACK", help="go by the config of this stack")
    parser.add_argument(
        "--variable",
        action="append",
        default=[],
        type=_variable,
        metavar="NAME=VALUE",
        help="a variable that the program passes; the value as JSON or plain text; may be repeated",
    )
    parser.add_argument("--pin", type=ami_id, metavar="AMI", help="as if this image were pinned")
    parser.add_argument("--against", type=ami_id, metavar="AMI", help="compare with this image")


def run(options: argparse.Namespace) -> Exit:
    """Look, and tell."""
    from datetime import UTC, datetime

    from image_builder.amis import Amis
    from image_builder.checkout.stack_config import StackConfig, config_of
    from image_builder.ec2_client import make_client
    from image_builder.outage import Outage, watch
    from image_builder.registry.snapshots import Snapshots
    from image_builder.releasing.gates import image_that_ran_last_in
    from image_builder.telling.explaining import explain

    config = config_of(Path.cwd(), options.stack) if options.stack else StackConfig()
    client = make_client(options.region or config.region, profile=options.profile)
    watch(client, Outage(complain))
    client_of = functools.partial(make_client, profile=options.profile)
    amis = Amis(client, client.meta.region_name, client_of=client_of)
    inputs = _inputs(options, config, amis.region)
    against = require_ami(amis, options.against) if options.against else None
    if options.stack and against is None:
        against = image_that_ran_last_in(amis, inputs.family, options.stack)
    explanation = explain(inputs, amis, Snapshots(client), against)
    now = datetime.now(UTC)
    if options.json:
        print_json(explanation.plain())
    else:
        print(explanation.headline(now))
        print_sections(explanation.sections(now))
    return Exit.FOUND if explanation.outcome == "build" else Exit.DONE


def _inputs(options: argparse.Namespace, config: StackConfig, region: str) -> ImageInputs:
    from image_builder.fingerprint import digest_files, fingerprint_of
    from image_builder.inputs import inputs_from

    folder = options.folder or Path(config.text("imageFolder") or "images/web-app")
    digests = digest_files(folder)
    variables = dict(options.variable)
    family = options.family or config.text("imageFamily") or folder.resolve().name
    return inputs_from(
        {
            "folder": str(folder),
            "family": family,
            "region": region,
            "variables": variables,
            "pinned_ami": options.pin or config.ami_id("pinnedAmi"),
            "promote_from": "" if options.pin else config.text("promoteFrom"),
            "require_verified_in": config.text("requireVerifiedIn"),
            "allow_unverified_pin": config.is_set("allowUnverifiedPin", default=False),
            "owners": config.items("imageOwners"),
            "verify": config.is_set("verifyImage", default=True),
            "fingerprint": fingerprint_of(digests, variables, family),
            "file_digests": digests,
        }
    )


def _variable(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} · NAME=VALUE was expected")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
