"""Looking at groups: find the one that is meant, and read all that tells where it stands."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache, partial

from infra.rollout.account import Account
from infra.rollout.errors import RolloutError
from infra.rollout.situation import Situation
from infra.rollout.values import ADOPTABLE_STATUSES, Group, Refresh, Target

MOST_NAMES = 5


def find_name(account: Account, words: str) -> str:
    """The group called *words*, or the only one whose name has them in it; raises RolloutError."""
    if account.find_group(words):
        return words
    return choose_name(words, account.find_group_names(), account.region)


def choose_name(words: str, names: list[str], region: str) -> str:
    """The only one of *names* that has *words* in it; raises RolloutError when none or several have."""
    matches = [name for name in names if words in name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise RolloutError(
            f"{words} is part of the names of {len(matches)} groups in {region}: {_listed(matches)} · part "
            "of one was expected · give more of the name"
        )
    near = get_close_matches(words, names, n=MOST_NAMES, cutoff=0.3)
    there = f"the nearest: {_listed(near)}" if near else f"there are: {_listed(names)}" if names else "none"
    raise RolloutError(
        f"no Auto Scaling group in {region} has {words} in its name ({there}) · a group was expected · mend "
        "the name, or give --region or --profile"
    )


def look(account: Account, name: str) -> Situation:
    """Everything that tells where the group *name* stands."""
    fleet = account.describe_fleet(name)
    group = fleet.group
    history = account.history(name)
    running = history[0] if history and history[0].is_running else None
    launched = _ami(account, group.launch_template_id, group.launch_template_version)
    target = find_target(account, group, running)
    previous = find_previous_ami(account, group, history, launched)
    shown = [launched, previous, target.ami_id, *(one.ami_id for one in group.instances)]
    is_short = len(group.in_service) < group.desired_capacity
    refusals = account.find_failed_launches(name) if is_short else {}
    return Situation(
        region=account.region,
        fleet=fleet,
        target=target,
        launched_ami=launched,
        previous_ami=previous,
        history=history,
        images=account.find_images(filter(None, shown)),
        failed_launch=next(iter(refusals.values()), ""),
    )


def find_target(account: Account, group: Group, running: Refresh | None) -> Target:
    """Where the group is to arrive: where the refresh under way leads unless it turns back, else its own."""
    template, version = group.launch_template_id, group.launch_template_version
    if running and running.status in ADOPTABLE_STATUSES:
        template = running.launch_template_id or template
        version = running.launch_template_version or version
    return Target(
        launch_template_id=template,
        launch_template_version=version,
        ami_id=_ami(account, template, version) or "",
    )


def find_previous_ami(
    account: Account, group: Group, history: list[Refresh], launched: str | None
) -> str | None:
    """The AMI that the group was on before; None where nothing proves that one was.

    It is the last other AMI that a refresh brought the group to, unless a later one to it was turned back.
    Where there is none, the version before counts, which the group may have been made with, if no refresh
    led to its AMI and the AMI is tagged with a success.
    """
    template, now = group.launch_template_id, group.launch_template_version
    find_ami = cache(partial(_ami, account))
    failed: set[str] = set()
    known = {launched}
    for one in history:
        ami_id = find_ami(one.launch_template_id or template, one.launch_template_version or "")
        if not ami_id or ami_id == launched or ami_id in failed:
            continue
        if one.status == "Successful":
            return ami_id
        known.add(ami_id)
        if one.status == "Failed" or one.status.startswith("Rollback"):
            failed.add(ami_id)
    before = find_ami(template, str(int(now) - 1)) if now.isdecimal() and int(now) > 1 else None
    if before is None or before in known:
        return None
    image = account.find_images([before]).get(before)
    return before if image and image.is_verified else None


def _ami(account: Account, template: str, version: str) -> str | None:
    return account.find_ami_of_version(template, version) if template and version else None


def _listed(names: list[str]) -> str:
    others = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {others} more" if others > 0 else "")
