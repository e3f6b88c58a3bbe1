"""What is to be done: pure functions of plain values."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from infra.rollout.preferences import Preferences
from infra.rollout.values import Fleet, Group, Instance, Refresh, Target, TargetHealth


@dataclass(frozen=True, kw_only=True)
class Start:
    """Start an instance refresh."""


@dataclass(frozen=True, kw_only=True)
class Adopt:
    """Follow the refresh that already leads to the target, or led there and is being ended."""

    refresh: Refresh


@dataclass(frozen=True, kw_only=True)
class WaitForHealth:
    """Nothing to replace: wait until the instances serve."""


@dataclass(frozen=True, kw_only=True)
class WaitForOther:
    """Wait until somebody else's refresh has ended."""


@dataclass(frozen=True, kw_only=True)
class CancelOther:
    """Cancel somebody else's refresh."""


@dataclass(frozen=True, kw_only=True)
class Refuse:
    """Leave the group alone, for this reason."""

    reason: str


LOST_INSTANCES_TO_GIVE_UP = 3
"""An image whose machines fail one after the other will not get better; its group would go on for long."""

Step = Start | Adopt | WaitForHealth | WaitForOther | CancelOther | Refuse


def decide_first_step(
    group: Group, running: Refresh | None, target: Target, *, on_refresh_in_progress: str = "fail"
) -> Step:
    """What to do with *group* to bring it to *target*, when *running* is the refresh that is under way."""
    if running is None:
        has_arrived = group.launches(target) and not find_off_target(group, target)
        return WaitForHealth() if has_arrived else Start()
    # One that turns back from the target has failed, and its end says why; who stops one has decided.
    is_stopped = running.status == "Cancelling" and on_refresh_in_progress != "fail"
    if running.leads_to(target) and not is_stopped:
        return Adopt(refresh=running)
    if on_refresh_in_progress == "wait":
        return WaitForOther()
    if on_refresh_in_progress == "cancel":
        return WaitForOther() if running.status == "Cancelling" else CancelOther()
    return Refuse(
        reason=(
            f"instance refresh {running.refresh_id} of {group.name} is {running.status} towards launch "
            f"template version {running.launch_template_version or 'unknown'} · none was expected on the way "
            f"to version {target.launch_template_version} · run pulumi up again once it has ended, or have "
            "it waited for (pulumi config set onRefreshInProgress wait) or cancelled (… cancel)"
        )
    )


def find_off_target(group: Group, target: Target) -> list[Instance]:
    """The instances, of those that serve or will, that do not run *target*; unknown AMIs are not judged."""
    return [
        instance
        for instance in group.instances
        if not instance.is_leaving and is_off_target(instance, target)
    ]


def is_off_target(instance: Instance, target: Target) -> bool:
    """Whether *instance* runs something else."""
    return (
        not _is_of_version(instance, target)
        or instance.launch_template_id not in (None, target.launch_template_id)
        or instance.ami_id not in (None, target.ami_id)
    )


def _is_of_version(instance: Instance, target: Target) -> bool:
    return instance.launch_template_version == target.launch_template_version


def find_held(group: Group, target: Target, preferences: Preferences) -> list[tuple[Instance, str]]:
    """The instances that a refresh waits for until a person acts, each with what holds it."""
    held = []
    for instance in group.instances:
        if instance.is_leaving or not is_off_target(instance, target):
            continue
        if instance.is_in_standby:
            if preferences.standby_instances in (None, "Wait"):
                held.append((instance, "in standby"))
        elif instance.is_protected_from_scale_in and preferences.scale_in_protected_instances in (
            None,
            "Wait",
        ):
            held.append((instance, "protected from scale in"))
    return held


def find_failing(fleet: Fleet, target: Target) -> list[tuple[Instance, TargetHealth]]:
    """The instances on *target*, still there, that are called unhealthy, with the reason."""
    return [
        (instance, fleet.health_of(instance))
        for instance in fleet.group.instances
        if _is_of_version(instance, target)
        and not instance.is_leaving
        and (fleet.health_of(instance).is_unhealthy or instance.health_status != "Healthy")
    ]


def find_left_behind(group: Group, target: Target, preferences: Preferences) -> list[Instance]:
    """The instances in service that a refresh with these preferences never brings to *target*."""
    if preferences.scale_in_protected_instances != "Ignore":
        return []
    protected = [one for one in group.in_service if one.is_protected_from_scale_in]
    return [one for one in protected if is_off_target(one, target)]


def find_lost(fleet: Fleet, failed_ids: Set[str], target: Target) -> list[str]:
    """Of the instances that once failed, those gone or going, if none serves *target*; empty if one does."""
    if any(
        fleet.health_of(instance).is_healthy and not is_off_target(instance, target)
        for instance in fleet.group.in_service
    ):
        return []
    living = {one.instance_id for one in fleet.group.instances if not one.is_leaving}
    return sorted(failed_ids - living)
