"""`prune`: remove the images that nothing needs any more."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from image_builder.commands.common import Exit, account_of, complain, print_json, print_table

if TYPE_CHECKING:
    from image_builder.checkout.project_files import ProjectFiles
    from image_builder.registry.account import Account
    from image_builder.registry.launch_templates import Version
    from image_builder.retention.keeping import Facts
    from image_builder.retention.pruning import Plan, Step

HELP = "list, or with --yes remove, images that nothing needs, with their snapshots"
DESCRIPTION = """\
Lists the images that this program built in this account and region, and says of each why it is kept
or why it may go. Only those of the families that the stacks in this folder name (imageFamily) may go, or
those of --family. Kept is what any instance runs that is not terminated; what an Auto Scaling group
launches or is being rolled out to, and what the newest version of its launch template names; what a
stack's config in this folder pins, and a base-image.lock.json names; the newest of each family; what
succeeded in a stack within --keep-days, or is among its newest --keep; what is shared with other
accounts; what a copy in another region was made of, while that is there (prune that region first); what a
kept image is built on; and what is less than a day old and has succeeded nowhere yet. A revoked or
rejected image is kept only as long as something uses, launches, pins, copied or shares it.
With --yes launch template versions that name an image which goes are deleted first, then the images
with their snapshots, and snapshots that an interrupted run left. May be interrupted and run again.
Where it cannot be told what a stack pins or a group launches, nothing is removed."""
EXAMPLES = """examples:
  what would go, and why the rest stays:
    python -m image_builder prune --region eu-west-1 --profile ci
  remove it:
    python -m image_builder prune --yes
  another family alone, whose project is elsewhere:
    python -m image_builder prune --family golden
  keep two months and the last ten of each stack:
    python -m image_builder prune --keep-days 60 --keep 10

with --json, an object with these keys:
  images (ami_id, name, family, kept_because: a list; removed_because: empty where it is kept),
  launch_template_versions (template_id, version), snapshots (ids),
  steps (with --yes: what, id, failure and kept_because: both empty where it was removed)"""


_MOST_DAYS = 36500


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--yes", action="store_true", help="remove (without it nothing changes)")
    parser.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="a family whose images may go (default: those of the stacks in this folder); may be repeated",
    )
    parser.add_argument(
        "--keep-days",
        type=_days,
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
    from pathlib import Path

    from image_builder.checkout.project_files import read_project_files
    from image_builder.checkout.stack_config import require_project

    require_project(Path.cwd())
    files = read_project_files(Path.cwd())
    account = account_of(options)

    def look(facts: Facts) -> tuple[Facts, list[Version]]:
        from image_builder.retention.gathering import gather, require_told

        gathered = gather(account, files, facts)
        require_told(files, gathered[0])
        return gathered

    plan = _plan(options, account, _families(options, files), look)
    if not options.json:
        _show(plan, account.amis.region)
    for ami_id, why in plan.facts.unknown.items():
        complain(f"{ami_id} stays: {why}")
    steps = _remove(options, account, plan, lambda: look(plan.facts)[0]) if options.yes else []
    if options.json:
        print_json(_plain(plan, steps))
    if plan.facts.unknown or any(step.failure for step in steps):
        return Exit.FAILED
    return Exit.FOUND if not options.yes and (plan.going or plan.orphans) else Exit.DONE


def _families(options: argparse.Namespace, files: ProjectFiles) -> frozenset[str]:
    """Those whose images may go."""
    from image_builder.errors import ImageBuildError

    families = frozenset(options.family or ()) or files.families
    if not families and not files.problems:
        raise ImageBuildError(
            "no stack here names an imageFamily · the families were expected whose images may go · "
            "pulumi config set imageFamily NAME, or give --family NAME"
        )
    return families


def _plan(
    options: argparse.Namespace,
    account: Account,
    families: frozenset[str],
    look: Callable[[Facts], tuple[Facts, list[Version]]],
) -> Plan:
    from datetime import UTC, datetime

    from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_FAMILY
    from image_builder.retention.keeping import Facts
    from image_builder.retention.pruning import MOST_ASKED, make_plan

    # First the images, then their users: one that is built in between is not looked at.
    built = account.amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER})
    facts, versions = look(
        Facts(now=datetime.now(UTC), days=options.keep_days, count=options.keep, families=families)
    )
    return make_plan(
        account,
        [ami for ami in built if TAG_FAMILY in ami.tags and ami.state != "pending"],
        facts,
        versions,
        keeps_shared=not options.include_shared,
        most_asked=None if options.yes else MOST_ASKED,
    )


def _remove(
    options: argparse.Namespace, account: Account, plan: Plan, look: Callable[[], Facts]
) -> list[Step]:
    from image_builder.retention.pruning import carry_out

    steps = []
    for step in carry_out(account.ec2, plan, look):
        steps.append(step)
        if not options.json:
            _tell(step)
    return steps


def _show(plan: Plan, region: str) -> None:
    from image_builder.retention.keeping import in_short, why_removed
    from image_builder.wording import age

    rows = [
        (
            ami.ami_id,
            ami.name,
            age(ami.built_at, plan.facts.now),
            "keep" if plan.reasons[ami.ami_id] else "remove",
            in_short(plan.reasons[ami.ami_id]) or why_removed(ami, plan.facts),
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
        complain(f"{step.what} {step.resource_id} is not removed: {step.failure}")
    else:
        print(f"removed {step.what} {step.resource_id}", flush=True)


def _plain(plan: Plan, steps: list[Step]) -> dict[str, Any]:
    from image_builder.ami import TAG_FAMILY
    from image_builder.retention.keeping import why_removed

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
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} · a whole number from 0 was expected")
    return int(text)


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} · a whole number from 0 to {_MOST_DAYS} was expected")
    return int(text)
