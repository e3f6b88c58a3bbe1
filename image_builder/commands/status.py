"""`status`: what every group of this project runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from image_builder.commands.common import Exit, account_of, print_json, print_sections

HELP = "tell of every Auto Scaling group of this project its image and its last rollouts"
DESCRIPTION = """\
Tells of every Auto Scaling group with the tag Project=NAME: the image of its launch template, its
commit and age, how many instances run it and which others run what, and the group's last five
rollouts with their ends. During a rollout AWS leaves the old launch template version in the group
until it succeeds: until then, instances of the new image are off it."""
EXAMPLES = """examples:
  the groups of the project in this folder:
    python -m image_builder status
  those of another one:
    python -m image_builder status --project shop --region eu-west-1 --profile prod
  is every instance on its group's image? For a script:
    python -m image_builder status --json | jq -e 'all(.off_target == {})'

with --json, a list of objects with these keys:
  group, stack, desired_capacity,
  image (ami_id, name, family, fingerprint, commit, is_dirty, built_at, age, refusal; all but ami_id
  empty when it is out of sight), on_target (number of instances), off_target (number by AMI),
  rollouts (newest first: refresh_id, status, reason, started_at, ended_at, ami_id: empty where not told)"""

_ROLLOUTS = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--project", help="name of the Pulumi project (default: that of ./Pulumi.yaml)")


def run(options: argparse.Namespace) -> Exit:
    """Ask, and tell."""
    from datetime import UTC, datetime

    from image_builder.checkout.stack_config import require_name
    from image_builder.registry.fleets import find_groups, find_instances, find_statuses

    project = options.project or require_name(Path.cwd())
    account = account_of(options)
    groups = find_groups(account.auto_scaling, project)
    instances = list(find_instances(account.ec2)) if groups else []
    statuses = find_statuses(account.ec2, account.auto_scaling, groups, instances, rollouts=_ROLLOUTS)
    now = datetime.now(UTC)
    if options.json:
        print_json([status.plain(now) for status in statuses])
        return Exit.DONE
    print_sections([status.section(now) for status in statuses])
    count = f"{len(groups)} group{'' if len(groups) == 1 else 's'}"
    print(f"{account.amis.region}: {count} of {project}", flush=True)
    return Exit.DONE
