"""`prune`: remove the images that nothing needs any more."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from image_builder.commands.common import Exit, print_json, print_table

if TYPE_CHECKING:
    from image_builder.pruning import Plan, Step

HELP = "list, or with --yes remove, images that nothing needs, with their snapshots"
DESCRIPTION = """\
Lists the images that this program built in this account and region, and says of each why it is kept
or why it may go. Kept is what any instance runs that is not terminated; what an Auto Scaling group
launches or is being rolled out to, and what the newest version of its launch template names; what a
stack's config in this folder pins; what succeeded in a stack within --keep-days, or is among its newest
--keep; what is shared with other accounts; what a kept image is built on; and what is less than a day
old and has succeeded nowhere yet. A revoked or rejected image is kept only as long as something uses,
launches, pins or shares it. With --yes launch template versions that name an image which goes are
deleted first, then the images with their snapshots, and snapshots that an interrupted run left. May be
interrupted and run again."""
EXAMPLES = """examples:
  what would go, and why the rest stays:
    python -m image_builder prune --region eu-west-1 --profile ci
  remove it:
    python -m image_builder prune --yes
  keep two months and the last ten of each stack:
    python -m image_builder prune --keep-days 60 --keep 10

with --json, an object with these keys:
  images (ami_id, name, family, kept_because: a list; removed_because: empty where it is kept),
  launch_template_versions (template_id, version), snapshots (ids),
  steps (with --yes: what, id, failure and kept_because: both empty where it was removed)"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--yes", action="store_true", help="remove (without it nothing changes)")
    parser.add_argument(
        "--keep-days",
        type=_number,
        default=30,
        metavar="DAYS",
        help="keep what succeeded in a stack within so many days (default: 30)",
    )
    parser.add_argument(
        "--keep",
        type=_number,
        default=5,
        metavar="COUNT",
        help="keep so many of the newest that succeeded in each stack (default: 5)",
    )
    parser.add_argument(
        "--include-shared", action="store_true", help="remove also what is shared with other accounts"
    )


def run(options: argparse.Namespace) -> Exit:
    """List, and with --yes remove."""
    from datetime import UTC, datetime
    from pathlib import Path

    from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_FAMILY
    from image_builder.amis import Amis
    from image_builder.ec2_client import make_auto_scaling_client, make_client
    from image_builder.keeping import Facts
    from image_builder.project_files import require_project
    from image_builder.pruning import MOST_ASKED, carry_out, gather, make_plan

    require_project(Path.cwd())
    ec2 = make_client(options.region, profile=options.profile)
    auto_scaling = make_auto_scaling_client(options.region, profile=options.profile)
    amis = Amis(ec2, ec2.meta.region_name)
    # First the images, then their users: one that is built in between is not looked at.
    built = amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER})
    images = [ami for ami in built if TAG_FAMILY in ami.tags and ami.state != "pending"]
    wishes = Facts(now=datetime.now(UTC), days=options.keep_days, count=int(options.keep))
    facts, versions = gather(ec2, auto_scaling, Path.cwd(), wishes)
    plan = make_plan(
        ec2,
        images,
        facts,
        versions,
        keeps_shared=not options.include_shared,
        most_asked=None if options.yes else MOST_ASKED,
    )
    if not options.json:
        _show(plan, amis.region)
    steps: list[Step] = []
    for step in carry_out(ec2, plan) if options.yes else ():
        steps.append(step)
        if not options.json:
            _tell(step)
    if options.json:
        print_json(_plain(plan, steps))
    if any(step.failure for step in steps):
        return Exit.FAILED
    return Exit.FOUND if not options.yes and (plan.going or plan.orphans) else Exit.DONE


def _show(plan: Plan, region: str) -> None:
    from image_builder.keeping import why_removed
    from image_builder.wording import age

    rows = [
        (
            ami.ami_id,
            ami.name,
            age(ami.built_at, plan.facts.now),
            "keep" if plan.reasons[ami.ami_id] else "remove",
            "; ".join(plan.reasons[ami.ami_id]) or why_removed(ami, plan.facts),
        )
        for ami in plan.images
    ]
    rows += [(snapshot, "-", "-", "remove", "its image is gone") for snapshot in plan.orphans]
    if rows:
        print_table(("Image", "Name", "Built", "", "Why"), rows)
    going = len(plan.going)
    first = f", after {len(plan.versions)} launch template versions" if plan.versions else ""
    print(f"{region}: {going} to remove{first}, {len(plan.images) - going} to keep", flush=True)
    if plan.unasked:
        print(
            f"whom {len(plan.unasked)} of them are shared with is asked before anything is removed",
            flush=True,
        )


def _tell(step: Step) -> None:
    if step.kept_because:
        print(f"{step.what} {step.resource_id} stays: {step.kept_because}", flush=True)
    elif step.failure:
        line = f"{step.what} {step.resource_id} is not removed: {step.failure}"
        print(line, file=sys.stderr, flush=True)
    else:
        print(f"removed {step.what} {step.resource_id}", flush=True)


def _plain(plan: Plan, steps: list[Step]) -> dict[str, Any]:
    from image_builder.ami import TAG_FAMILY
    from image_builder.keeping import why_removed

    return {
        "images": [
            {
                "ami_id": ami.ami_id,
                "name": ami.name,
                "family": ami.tags[TAG_FAMILY],
                "kept_because": list(plan.reasons[ami.ami_id]),
                "removed_because": "" if plan.reasons[ami.ami_id] else why_removed(ami, plan.facts),
            }
            for ami in plan.images
        ],
        "launch_template_versions": [
            {"template_id": version.template_id, "version": version.number} for version in plan.versions
        ],
        "snapshots": list(plan.orphans),
        "steps": [
            {
                "what": step.what,
                "id": step.resource_id,
                "failure": step.failure,
                "kept_because": step.kept_because,
            }
            for step in steps
        ],
    }


def _number(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} · a whole number from 0 was expected")
    return int(text)
