"""How a rollout is told: one line for each thing, from plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infra.rollout.values import Fleet, Instance, Refresh, Target, TargetHealth

CONSOLE_LINES = 5
LONGEST_CONSOLE_LINE = 160
TERMINAL_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-~])")
"""Control sequences, operating system commands, and other escapes (ECMA-48)."""

REMEDIES = {
    "Cancelled": "run pulumi up again to go on",
    "RollbackFailed": "some instances may run either image: mend what kept the old one from starting and run "
    "pulumi up again",
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


def describe_end(
    refresh: Refresh,
    *,
    group_name: str,
    target: Target,
    first_failing: str,
    version: str,
    ami_id: str | None,
    old_ami_id: str | None,
) -> str:
    """What is wrong when *refresh* ended and left the group on *version*, which launches *ami_id*."""
    reason = (refresh.rollback_reason or refresh.reason or "AWS gives no reason").rstrip(".")
    verb = "runs" if refresh.status == "RollbackSuccessful" else "was left on"
    remedy = REMEDIES.get(refresh.status, "mend the image and run pulumi up again")
    keep = f", or keep the old one: pulumi config set pinnedAmi {old_ami_id}"
    return (
        f"rollout of {target.ami_id} to {group_name} ended {refresh.status}: {reason}{first_failing} · "
        f"the group {verb} {ami_id or 'no AMI'} (launch template version {version}) · {remedy}"
        f"{keep if old_ami_id not in (None, target.ami_id) else ''}"
    )
