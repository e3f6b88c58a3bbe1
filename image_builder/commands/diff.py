"""`diff`: what differs between two images."""

from __future__ import annotations

import argparse
from pathlib import Path

from image_builder.commands.common import Exit, account_of, ami_id, print_json, print_sections, require_ami

HELP = "say what differs between two images: files, variables, packages, commits, base"
DESCRIPTION = """\
Says which files and variables differ between two images, and which installed packages, by what was
recorded on their snapshots when they were built; which commits of the repository in this folder lie
between them; and whether they are built on different bases. What is not known is said, with the reason."""
EXAMPLES = r"""examples:
  what would a promotion to prod bring?
    python -m image_builder diff ami-THAT_PROD_RUNS ami-THAT_DEV_RUNS
  the changed files alone, for a script:
    python -m image_builder diff ami-OLD ami-NEW --json | jq -r '.files[].path'
  the packages that an update brought:
    python -m image_builder diff ami-OLD ami-NEW --json | jq -r '.packages[] | "\(.name) \(.new)"'

with --json, an object with these keys:
  old, new (ami_id, name, commit, is_dirty, built_at, base: an AMI's id or empty),
  is_base_changed, files (path, change), variables (names),
  hindrance (empty, or why the differences of files and variables are not known),
  packages (name, change: added, removed or changed, old and new: versions, empty where not installed),
  packages_hindrance (empty, or why they are not known),
  commits (in new and not in old, newest first: sha, subject), commits_only_in_old (the same),
  commits_hindrance (empty, or why the commits are not known)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("old", type=ami_id, metavar="AMI", help="the older image")
    parser.add_argument("new", type=ami_id, metavar="AMI", help="the newer image")


def run(options: argparse.Namespace) -> Exit:
    """Compare."""
    from datetime import UTC, datetime

    from image_builder.registry.ancestry import base_of
    from image_builder.registry.snapshots import Snapshots
    from image_builder.telling.comparison import compare_images
    from image_builder.telling.differing import Difference, commits_between

    account = account_of(options)
    amis, snapshots = account.amis, Snapshots(account.ec2)
    old, new = (require_ami(amis, name) for name in (options.old, options.new))
    comparison, packages = compare_images(old, new, snapshots)
    difference = Difference(
        old=old,
        new=new,
        bases=amis.find_by_ids(filter(None, map(base_of, (old, new)))),
        comparison=comparison,
        packages=packages,
        history=commits_between(Path.cwd(), old, new),
    )
    if options.json:
        print_json(difference.plain())
    else:
        print_sections(difference.sections(datetime.now(UTC)))
    return Exit.DONE
