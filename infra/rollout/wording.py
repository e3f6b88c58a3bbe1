"""How a rollout is told: one line for each thing, from plain values."""

from __future__ import annotations

from infra.rollout.values import Fleet, Instance, Refresh, Target, TargetHealth


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


def describe_progress(refresh: Refresh) -> str:
    """One line on a running refresh; equal lines mean that nothing changed."""
    count = describe_count(refresh)
    return f"{count}; {refresh.reason}" if refresh.reason else count


def describe_count(refresh: Refresh) -> str:
    """How far a refresh is, without the reason why it waits."""
    return f"{refresh.status}, {refresh.percentage_complete} %, {refresh.instances_to_update} to update"


def describe_first_failing(failing: list[tuple[Instance, TargetHealth]]) -> str:
    """What is added to a failure to say where to look; empty when nothing was seen failing."""
    if not failing:
        return ""
    instance, health = failing[0]
    return f"; first failing instance {instance.instance_id}: {describe(health)}"


def describe_strays(group_name: str, strays: list[Instance], target: Target) -> str:
    """Why a group with these instances, which nothing will replace, is not on *target*."""
    first = strays[0]
    return (
        f"{first.instance_id} of {group_name} is {first.lifecycle_state} with {first.ami_id} (launch "
        f"template version {first.launch_template_version}), one of {len(strays)} not on {target.ami_id} "
        f"(version {target.launch_template_version}) · none was expected · end its standby or scale-in "
        "protection, then run pulumi up again"
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
    reason = refresh.rollback_reason or refresh.reason or "AWS gives no reason"
    verb = "runs" if refresh.status == "RollbackSuccessful" else "was left on"
    keep = f", or keep the old one: pulumi config set pinnedAmi {old_ami_id}"
    return (
        f"rollout of {target.ami_id} to {group_name} ended {refresh.status}: {reason}{first_failing} · "
        f"the group {verb} {ami_id or 'no AMI'} (launch template version {version}) · mend the image and run "
        f"pulumi up again{keep if old_ami_id not in (None, target.ami_id) else ''}"
    )
