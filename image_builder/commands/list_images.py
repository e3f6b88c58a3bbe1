"""`list`: the images of this account, and what is known of each."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from image_builder.commands.common import Exit, account_of, print_json, print_table
from image_builder.commands.reckoning import reckon

if TYPE_CHECKING:
    from datetime import datetime

    from image_builder.registry.inventory import Listed

HELP = "list the images, newest first: commit, base, where verified, whether revoked, where they run"
DESCRIPTION = """\
Lists the images that this program built in this account and region, newest first. A + at a commit
means that the image folder had uncommitted changes. Where it runs is counted in instances that are
not terminated, by Auto Scaling group; those of no group are counted too. Why it is kept is why
`prune` would leave it; what of that cannot be told is said on standard error."""
EXAMPLES = """examples:
  all images:
    python -m image_builder list --region eu-west-1 --profile ci
  those of one family:
    python -m image_builder list --family web-app
  the AMI that dev verified last, for a script:
    python -m image_builder list --json |
      jq -r 'map(select(.verified_in.dev)) | max_by(.verified_in.dev).ami_id'

with --json, a list of objects with these keys:
  ami_id, name, family, fingerprint, state, built_at, age, commit, is_dirty,
  base (null where none is recorded; else ami_id, and name, created_at, age: empty when out of sight),
  verified_in (time by stack), refusal (empty, or why it must not be used),
  warning (empty, or from when it must not be used, and why),
  kept_because (what keeps `prune` from removing it; whom it is shared with and which copies of it are
  in other regions is not asked here),
  runs_in (groups: number of instances by group; without_group: a number)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--family", help="those of this family alone")


def run(options: argparse.Namespace) -> Exit:
    """List."""
    from datetime import UTC, datetime

    from image_builder.ami import TAG_FAMILY
    from image_builder.registry.inventory import plain

    account = account_of(options)
    now = datetime.now(UTC)
    images = [
        image
        for image in reckon(account, now)
        if not options.family or image.ami.tags.get(TAG_FAMILY) == options.family
    ]
    if options.json:
        print_json([plain(image, now) for image in images])
        return Exit.DONE
    if images:
        _show(images, now)
    of_family = f" of {options.family}" if options.family else ""
    count = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    print(f"{account.amis.region}: {count}{of_family}", flush=True)
    return Exit.DONE


def _show(images: list[Listed], now: datetime) -> None:
    from image_builder.registry.ancestry import base_of
    from image_builder.retention.keeping import in_short, shortened
    from image_builder.wording import age

    wide, narrow = [], []
    for image in images:
        ami, built = image.ami, age(image.ami.built_at, now)
        base_age = age(image.base.created_at, now) if image.base else ""
        standing = [*_revocation(image), *(f"verified in {stack}" for stack in image.verified_in)]
        wide.append(
            (
                ami.ami_id,
                ami.name,
                built,
                image.commit or "-",
                base_of(ami) or "-",
                base_age or "-",
                ", ".join(image.users.lines) or "-",
                "; ".join(standing) or "-",
                in_short(image.kept_because) or "-",
            )
        )
        narrow.append(
            (
                "\n".join(
                    [ami.ami_id, ami.name, f"{built} {image.commit and f'from {image.commit}'}".rstrip()]
                ),
                "\n".join([base_of(ami) or "-", base_age]).rstrip(),
                "\n".join(image.users.lines) or "-",
                "\n".join([*standing, *(f"kept: {why}" for why in shortened(image.kept_because))]) or "-",
            )
        )
    print_table(
        ("Image", "Name", "Built", "Commit", "Base", "Base made", "Runs in", "Standing", "Kept because"),
        wide,
        narrow=(("Image", "Base", "Runs in", "Standing"), narrow),
    )


def _revocation(image: Listed) -> list[str]:
    return [told for told in (image.ami.refusal, image.ami.warning) if told]
