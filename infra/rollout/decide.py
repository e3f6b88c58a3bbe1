"""What is to be done: pure functions of plain values."""

from __future__ import annotations

from collections.abc import Set
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


def find_failing(fleet: Fleet, target: Target) -> list[tuple[Instance, TargetHealth]]:
    """The instances on *target* that are called unhealthy, with the reason."""
    return [
        (instance, fleet.health_of(instance))
        for instance in fleet.group.instances
        if instance.launch_template_version == target.launch_template_version
        and (fleet.health_of(instance).state == "unhealthy" or instance.health_status != "Healthy")
    ]


def find_lost(fleet: Fleet, failed_ids: Set[str]) -> list[str]:
    """Of the instances that once failed, those that are gone or going, if none serves; empty if one does."""
    if any(fleet.health_of(instance).is_healthy for instance in fleet.group.in_service):
        return []
    living = {
        one.instance_id for one in fleet.group.instances if not one.lifecycle_state.startswith("Terminat")
    }
    return sorted(failed_ids - living)
