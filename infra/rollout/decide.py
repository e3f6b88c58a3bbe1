"""What is to be done, and how it is told: pure functions of plain values."""

from __future__ import annotations

from dataclasses import dataclass

from infra.rollout.values import ADOPTABLE_STATUSES, Fleet, Group, Instance, Refresh, Target, TargetHealth


@dataclass(frozen=True, kw_only=True)
class Start:
    """Start an instance refresh."""


@dataclass(frozen=True, kw_only=True)
class Adopt:
    """Follow the refresh that already leads to the target."""

    refresh_id: str


@dataclass(frozen=True, kw_only=True)
class WaitForHealth:
    """Nothing to replace: wait until the instances serve."""


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """Leave the group alone, for this reason."""

    reason: str


def decide_first_step(
    group: Group, running: Refresh | None, target: Target
) -> Start | Adopt | WaitForHealth | Refuse:
    """What to do with *group* to bring it to *target*, when *running* is the refresh that is under way."""
    if running is not None:
        if running.leads_to(target) and running.status in ADOPTABLE_STATUSES:
            return Adopt(refresh_id=running.refresh_id)
        return Refuse(
            reason=(
                f"instance refresh {running.refresh_id} of {group.name} is {running.status} "
                f"towards launch template version {running.launch_template_version or 'unknown'} · none "
                f"was expected on the way to version {target.launch_template_version} · wait for it to end, "
                "or run: aws autoscaling cancel-instance-refresh "
                f"--auto-scaling-group-name {group.name}; then run pulumi up again"
            )
        )
    is_arrived = group.launch_template_version == target.launch_template_version and not find_off_target(
        group, target
    )
    return WaitForHealth() if is_arrived else Start()


def find_off_target(group: Group, target: Target) -> list[Instance]:
    """The instances, of those that serve or will, that do not run *target*; unknown AMIs are not judged."""
    return [
        instance
        for instance in group.instances
        if not instance.lifecycle_state.startswith("Terminat")
        and (
            instance.launch_template_version != target.launch_template_version
            or instance.ami_id not in (None, target.ami_id)
        )
    ]


def find_first_failing(fleet: Fleet, target: Target) -> tuple[Instance, TargetHealth] | None:
    """The first instance on *target* that is called unhealthy, with the reason."""
    for instance in fleet.group.instances:
        if instance.launch_template_version != target.launch_template_version:
            continue
        health = fleet.health_of(instance)
        if health.state == "unhealthy" or instance.health_status != "Healthy":
            return instance, health
    return None


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
