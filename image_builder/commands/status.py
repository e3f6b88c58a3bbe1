"""`status`: what every group of this project runs."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from image_builder.commands.common import Exit, print_json, print_sections

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
_NAME = re.compile(r"^name:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--project", help="name of the Pulumi project (default: that of ./Pulumi.yaml)")


def run(options: argparse.Namespace) -> Exit:
    """Ask, and tell."""
    from datetime import UTC, datetime

    from image_builder.ec2_client import make_auto_scaling_client, make_client
    from image_builder.fleets import find_groups, find_instances, find_statuses

    project = options.project or project_of(Path("Pulumi.yaml"))
    client = make_client(options.region, profile=options.profile)
    auto_scaling = make_auto_scaling_client(options.region, profile=options.profile)
    groups = find_groups(auto_scaling, project)
    instances = list(find_instances(client)) if groups else []
    statuses = find_statuses(client, auto_scaling, groups, instances, rollouts=_ROLLOUTS)
    now = datetime.now(UTC)
    if options.json:
        print_json([status.plain(now) for status in statuses])
        return Exit.DONE
    print_sections([status.section(now) for status in statuses])
    print(
        f"{client.meta.region_name}: {len(groups)} group{'' if len(groups) == 1 else 's'} of {project}",
        flush=True,
    )
    return Exit.DONE


def project_of(file: Path) -> str:
    """The name in Pulumi's project *file*."""
    from image_builder.errors import ImageBuildError

    found = _NAME.search(file.read_text()) if file.is_file() else None
    if found is None:
        raise ImageBuildError(
            f"{file} names no project · one was expected here · go to the project's folder, or give --project"
        )
    return found[1]
