"""How a rollout is told: one line for each thing, from plain values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from infra.rollout.values import Fleet, Group, Instance, Refresh, Target, TargetHealth

CONSOLE_LINES = 5
LONGEST_CONSOLE_LINE = 160
MOST_NAMED = 5
"""Instances in one line."""

TERMINAL_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-~])")
"""Control sequences, operating system commands, and other escapes (ECMA-48)."""

REMEDIES = {
    "Cancelled": "run pulumi up again to go on",
    "RollbackFailed": "mend what kept the old image from starting and run pulumi up again",
}


def describe_missing(fleet: Fleet) -> str:
    """What keeps the fleet from serving with all it should have; empty when nothing does."""
    group = fleet.group
    in_service = group.in_service
    if len(in_service) < group.desired_capacity:
        return f"{len(in_service)} of {group.desired_capacity} instances in service"
    waiting = [instance for instance in in_service if not fleet.health_of(instance).is_healthy]
    if not waiting:
        unseen = [instance.instance_id for instance in in_service if instance.ami_id is None]
        return f"EC2 does not say yet which AMI {unseen[0]} runs" if unseen else ""
    healthy = len(in_service) - len(waiting)
    health = fleet.health_of(waiting[0])
    return f"{healthy} of {len(in_service)} targets healthy; {waiting[0].instance_id} is {describe(health)}"


def describe(health: TargetHealth) -> str:
    """A target's health as a person reads it."""
    return f"{health.state} ({health.reason})" if health.reason else health.state


def describe_progress(refresh: Refresh, total: int | None = None) -> str:
    """One line on a running refresh; equal lines mean that nothing changed."""
    count = describe_count(refresh, total)
    return f"{count}; {refresh.reason}" if refresh.reason else count


def describe_count(refresh: Refresh, total: int | None = None) -> str:
    """How far a refresh, of *total* instances where that is known, is, without the reason why it waits."""
    if refresh.status in ("RollbackSuccessful", "RollbackFailed"):
        return refresh.status  # Its counts are of what was begun and taken back.
    left = refresh.instances_to_update
    if refresh.status.startswith("Rollback") or total is None:
        done = f"{left} to update"
    else:
        done = f"{max(0, total - left)} of {total} instances replaced"
    return f"{refresh.status}, {refresh.percentage_complete} %, {done}"


def describe_failing(instance: Instance, health: TargetHealth) -> str:
    """What is wrong with an instance; Auto Scaling may have an opinion of its own."""
    if health.state == "unhealthy" or instance.health_status == "Healthy":
        return f"{instance.instance_id}: {describe(health)}"
    return f"{instance.instance_id}: {instance.health_status} to Auto Scaling, {describe(health)} as a target"


def read_console_tail(text: str) -> str:
    """The last lines of a console in one, without what moves a terminal's cursor or colours it."""
    plain = TERMINAL_SEQUENCE.sub("", text.replace("\r", "\n"))
    lines = ("".join(one if one.isprintable() else " " for one in line) for line in plain.split("\n"))
    words = [" ".join(line.split())[:LONGEST_CONSOLE_LINE] for line in lines]
    return " | ".join([line for line in words if line][-CONSOLE_LINES:])


def describe_held(held: list[tuple[Instance, str]]) -> str:
    """For whom a refresh waits until a person acts; empty when for nobody."""
    if not held:
        return ""
    instance, why = held[0]
    others = f" and {len(held) - 1} more" if len(held) > 1 else ""
    return (
        f"waits for {instance.instance_id}, which is {why}{others}: end that, or say what else to do with "
        "such instances by standbyInstances and scaleInProtectedInstances"
    )


def describe_other(refresh: Refresh) -> str:
    """Somebody else's refresh that is waited for."""
    return (
        f"waits for refresh {refresh.refresh_id} to launch template version "
        f"{refresh.launch_template_version or 'unknown'} to end: {describe_progress(refresh)}"
    )


def describe_strays(group_name: str, strays: list[Instance], target: Target) -> str:
    """Why a group with these instances, which nothing will replace, is not on *target*."""
    first = strays[0]
    return (
        f"{first.instance_id} of {group_name} is {first.lifecycle_state} with {first.ami_id} (launch "
        f"template version {first.launch_template_version}), one of {len(strays)} not on {target.ami_id} "
        f"(version {target.launch_template_version}) · none was expected · end its standby or scale-in "
        "protection, then run pulumi up again"
    )


def describe_wrong_template(group: Group, target: Target) -> str:
    """Why a group whose instances run *target* is not on it: its next one would not."""
    return (
        f"{group.name} launches version {group.launch_template_version or 'unknown'} of "
        f"{group.launch_template_id or 'no launch template'}, though its instances run {target.ami_id} · "
        f"version {target.launch_template_version} of {target.launch_template_id} was expected · end what "
        "moved it, then run pulumi up again"
    )


def describe_left_behind(group_name: str, left: Sequence[Instance]) -> str:
    """Why a refresh that ignores protected instances cannot bring the group with these to its target."""
    named = ", ".join(f"{one.instance_id} with {one.ami_id or 'an unknown AMI'}" for one in left[:MOST_NAMED])
    others = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    return (
        f"{group_name} has instances that are protected from scale in, which scaleInProtectedInstances "
        f"Ignore leaves as they are: {named}{others}; nothing was started · all in service were expected to "
        "be replaced · end their protection (aws autoscaling set-instance-protection "
        f"--no-protected-from-scale-in --auto-scaling-group-name {group_name} --instance-ids "
        f"{left[0].instance_id}), or have them replaced: pulumi config set scaleInProtectedInstances "
        "Refresh; then run pulumi up again"
    )


def describe_drift(
    group_name: str, leaving: Refresh | None, strays: Sequence[Instance], target: Target
) -> str:
    """Why a group is not on *target*, though it names it: what takes it elsewhere, or who runs what else."""
    if leaving is not None:
        return (
            f"rollout: refresh {leaving.refresh_id} takes {group_name} to launch template version "
            f"{leaving.launch_template_version or 'unknown'} now ({describe_count(leaving)})"
        )
    first = strays[0]
    return (
        f"rollout: {len(strays)} instances of {group_name} are not on {target.ami_id} now, among them "
        f"{first.instance_id} with {first.ami_id} (launch template version {first.launch_template_version})"
    )


def describe_left(group: Group, ami_id: str | None) -> str:
    """What the instances of *group* run and what it, which launches *ami_id*, would start."""
    launches = f"{ami_id or 'no AMI'} (launch template version {group.launch_template_version})"
    running = count_images(group)
    if list(running) == [ami_id]:
        return f"the group runs {launches}"
    if not running:
        return f"the group has no instances and launches {launches}"
    return f"instances: {describe_counts(running)}; the group launches {launches}"


def count_images(group: Group) -> dict[str, int]:
    """How many instances that stay run each AMI, most first."""
    living = [one.ami_id or "an unknown AMI" for one in group.instances if not one.is_leaving]
    return dict(Counter(living).most_common())


def describe_counts(running: Mapping[str, int]) -> str:
    """`2 run ami-1, 1 runs ami-2`"""
    return ", ".join(
        f"{count} {'runs' if count == 1 else 'run'} {ami_id}" for ami_id, count in running.items()
    )


def describe_end(
    refresh: Refresh,
    *,
    group: Group,
    target: Target,
    evidence: str,
    ami_id: str | None,
    old_ami_id: str | None,
) -> str:
    """What is wrong when *refresh* ended and left *group*, which launches *ami_id*, as it is."""
    reason = (refresh.rollback_reason or refresh.reason or "AWS gives no reason").rstrip(".")
    remedy = REMEDIES.get(refresh.status, "mend the image and run pulumi up again")
    keep = f", or keep the old one: pulumi config set pinnedAmi {old_ami_id}"
    return (
        f"rollout of {target.ami_id} to {group.name} ended {refresh.status}: {reason}{evidence} · "
        f"{describe_left(group, ami_id)} · {remedy}"
        f"{keep if old_ami_id not in (None, target.ami_id) else ''}"
    )
