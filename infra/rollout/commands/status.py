"""`status`: where a group stands, and what to do now."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra.rollout.commands.common import (
    Exit,
    add_group,
    open_account,
    print_json,
    repeated_options,
    say,
)
from infra.rollout.commands.printing import print_facts, print_table

if TYPE_CHECKING:
    from infra.rollout.situation import Situation

HELP = "tell where a group, or every group, stands, and what to do now"
DESCRIPTION = """\
Tells of an Auto Scaling group its launch template version and AMI, its instances with their health, the
refresh that is running, the last five with their ends, and what to do now. Without GROUP, a row for
each group that has the tag Project. Changes nothing."""
EXAMPLES = """examples:
  every group of the account:
    python -m infra.rollout status --region eu-west-1 --profile prod
  one group, by a part of its name:
    python -m infra.rollout status web-prod
  wait in a script until no refresh is running:
    while python -m infra.rollout status web-prod > /dev/null; [ $? -eq 3 ]; do sleep 30; done
  the instances that do not run the target:
    python -m infra.rollout status web-prod --json | jq -r '.instances[] | select(.is_on_target | not)'

with --json, an object with these keys (without GROUP, a list of them):
  group, region, state (steady, refreshing, astray), launch_template_id, launch_template_version,
  launched_image, target_image (ami_id, name, commit), target_version, previous_ami, desired_capacity,
  in_service, healthy, on_target, instances, running (null, or a refresh), refreshes, failed_launch, advice"""
EXIT_CODES = """exit codes:
  0    every instance is on the target and healthy, and no refresh is running
  1    failed; a line on standard error says what
  2    wrong usage
  3    a refresh is running
  4    none is running, and not every instance is there, on the target and healthy
  130  interrupted
without GROUP: 4 where it is so for one group, else 3, else 0"""

_EXITS = {"steady": Exit.DONE, "refreshing": Exit.RUNNING, "astray": Exit.ASTRAY}
_MOST_INSTANCES = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    add_group(parser, is_optional=True)


def run(options: argparse.Namespace) -> Exit:
    """Look, and tell."""
    from infra.rollout.advice import advise
    from infra.rollout.looking import find_name, look

    account = open_account(options)
    names = [find_name(account, options.group)] if options.group else account.find_group_names("Project")
    situations = [look(account, name) for name in names]
    advice = [advise(situation, repeated_options(options)) for situation in situations]
    exits = [_EXITS[situation.state] for situation in situations]
    if options.json:
        answers = [one.plain(lines) for one, lines in zip(situations, advice, strict=True)]
        print_json(answers[0] if options.group else answers)
    elif options.group:
        _show(situations[0], advice[0])
    else:
        _show_all(situations, account.region)
    return max(exits, default=Exit.DONE)


def _show_all(situations: list[Situation], region: str) -> None:
    from infra.rollout.wording import describe_count

    if situations:
        rows = []
        for one in situations:
            group = one.fleet.group
            rows.append(
                (
                    group.name,
                    one.target.ami_id or "-",
                    one.target.launch_template_version or "-",
                    f"{one.on_target}/{group.desired_capacity}",
                    f"{one.healthy}/{group.desired_capacity}",
                    describe_count(one.running, group.desired_capacity) if one.running else one.state,
                )
            )
        print_table(("Group", "Target", "Version", "On target", "Healthy", "Now"), rows)
    count = len(situations)
    say(f"{region}: {count} group{'' if count == 1 else 's'} with the tag Project")


def _show(situation: Situation, advice: list[str]) -> None:
    from infra.rollout.advice import describe_time
    from infra.rollout.wording import describe_count

    group, running = situation.fleet.group, situation.running
    desired = group.desired_capacity
    launched = _image(situation, situation.launched_ami)
    facts = [
        ("launches", f"{launched}, launch template version {group.launch_template_version or 'unknown'}"),
        ("instances", f"{desired} desired, {len(group.in_service)} in service, {situation.healthy} healthy"),
        ("on target", f"{situation.on_target} of {desired} run {situation.target.ami_id or 'no AMI'}"),
    ]
    if running:
        version = running.launch_template_version or group.launch_template_version
        facts += [
            ("refresh", running.refresh_id),
            ("", describe_count(running, desired)),
            ("", f"to launch template version {version} since {describe_time(running.started_at)}"),
            ("", f"target {_image(situation, situation.target.ami_id)}"),
        ]
        if reason := running.rollback_reason or running.reason:
            facts.append(("", reason))
    print(f"{group.name} ({situation.region}): {situation.state}")
    print_facts(facts)
    _show_instances(situation)
    _show_refreshes(situation)
    if situation.missing and not running:
        print(f"\nnot well: {situation.missing}")
    if advice:
        print("\nwhat to do now")
        for line in advice:
            print(f"  {line}")
    say("" if advice else "\nnothing to do")


def _image(situation: Situation, ami_id: str | None) -> str:
    """`ami-1 web-app-20261123 (commit 4e5f6a7)`"""
    image = situation.images.get(ami_id or "")
    if image is None:
        return f"{ami_id} (gone, or not shared with this account)" if ami_id else "no AMI that is there"
    return f"{ami_id} {image.name}" + (f" (commit {image.commit[:7]})" if image.commit else "")


def _show_instances(situation: Situation) -> None:
    from infra.rollout.decide import is_off_target
    from infra.rollout.wording import describe

    # Who is not well comes first, and those who are may be many.
    instances = sorted(situation.fleet.group.instances, key=situation.is_fine)
    shown = [
        one for place, one in enumerate(instances) if place < _MOST_INSTANCES or not situation.is_fine(one)
    ]
    if shown:
        print()
        rows = [
            (
                one.instance_id,
                one.ami_id or "unknown",
                one.launch_template_version or "-",
                "off" if is_off_target(one, situation.target) else "on",
                one.lifecycle_state,
                "-" if one.is_leaving else describe(situation.fleet.health_of(one)),
            )
            for one in shown
        ]
        print_table(("Instance", "Image", "Version", "Target", "State", "Health"), rows)
    if len(shown) < len(instances):
        print(f"and {len(instances) - len(shown)} more, in service, healthy and on the target")


def _show_refreshes(situation: Situation) -> None:
    from infra.rollout.advice import describe_duration
    from infra.rollout.situation import SHOWN_REFRESHES

    print()
    if not situation.history:
        print("no refresh in the last six weeks")
        return
    rows = []
    for one in situation.history[:SHOWN_REFRESHES]:
        reason = "" if one.is_running else one.rollback_reason or one.reason
        rows.append(
            (
                one.refresh_id,
                f"{one.started_at:%Y-%m-%d %H:%M}" if one.started_at else "-",
                describe_duration(one),
                one.launch_template_version or "-",
                one.status + (f": {reason}" if reason else ""),
            )
        )
    print_table(("Refresh", "Started (UTC)", "Took", "To", "End"), rows)
