"""What a group does next: a pure decision from the group as it is. keeper.py sees and does.

AWS's rules: user guide, "Amazon EC2 Auto Scaling instance lifecycle", "Health checks for instances in an Auto
Scaling group", "Control which Auto Scaling instances terminate during scale in".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from local_aws.auto_scaling import wording
from local_aws.auto_scaling.bounds import replacement_bounds
from local_aws.auto_scaling.health import describe_concern, find_concern, is_drained
from local_aws.auto_scaling.next_step import next_step
from local_aws.auto_scaling.placement import choose_for_scale_in, choose_subnets
from local_aws.auto_scaling.refresh import Refresh, Status
from local_aws.auto_scaling.roles import is_counted
from local_aws.auto_scaling.values import (
    Action,
    BeginTermination,
    Concern,
    DeleteGroup,
    EnterService,
    Forget,
    Group,
    Launch,
    Lifecycle,
    MarkUnhealthy,
    Member,
    SetTargets,
    Terminate,
)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now, in this order, and how the refresh stands."""

    actions: tuple[Action, ...] = ()
    refresh: Refresh | None = None


def decide(group: Group, refresh: Refresh | None = None) -> Decision:
    """All that *group* does at this moment; *refresh* is its active refresh, if it has one."""
    if group.is_deleting:
        return Decision(actions=_delete(group), refresh=refresh)
    actions: list[Action] = []
    staying: list[Member] = []
    unhealthy_count = 0
    for member in group.members:
        concern = find_concern(member, group) if member.is_live else Concern.NONE
        if concern is Concern.NONE:
            actions += _tend(member, group)
            staying.append(member)
            continue
        actions += _replace_unhealthy(member, concern, group)
        if _can_replace_unhealthy(group):
            unhealthy_count += 1
            if refresh and member.launched_for == refresh.label:
                told = f"{member.instance_id} became unhealthy: {describe_concern(member, concern)}"
                refresh = replace(refresh, last_failure=told)
            # It still drains: a refresh that waits for terminations sees it as terminating.
            staying.append(replace(member, lifecycle=Lifecycle.TERMINATING, concern=concern))
        else:
            staying.append(replace(member, concern=concern))
    remaining = replace(group, members=tuple(staying))
    if refresh and refresh.is_active:
        refresh, more = _follow_refresh(refresh, remaining)
        return Decision(actions=(*actions, *more), refresh=refresh)
    return Decision(actions=(*actions, *_keep_capacity(remaining, unhealthy_count)), refresh=refresh)


def _tend(member: Member, group: Group) -> list[Action]:
    """What a member needs that is not ill."""
    actions: list[Action] = []
    if member.lifecycle is Lifecycle.TERMINATING:
        return _see_off(member, group)
    if member.lifecycle is Lifecycle.PENDING:
        if member.ec2_state != "running":
            return []
        actions.append(EnterService(instance_id=member.instance_id))
    wanted = frozenset() if member.lifecycle is Lifecycle.STANDBY else frozenset(group.target_groups)
    register = frozenset() if "AddToLoadBalancer" in group.suspended else wanted - member.registered
    deregister = member.registered - wanted
    if register or deregister:
        actions.append(SetTargets(instance_id=member.instance_id, register=register, deregister=deregister))
    return actions


def _see_off(member: Member, group: Group) -> list[Action]:
    if member.ec2_state == "terminated" and not member.registered:
        return [Forget(instance_id=member.instance_id)]
    if member.registered:
        return [SetTargets(instance_id=member.instance_id, deregister=member.registered)]
    if not member.is_termination_requested and is_drained(member, group):
        return [Terminate(instance_id=member.instance_id)]
    return []


def _can_replace_unhealthy(group: Group) -> bool:
    return not {"ReplaceUnhealthy", "Terminate"} & group.suspended


def _replace_unhealthy(member: Member, concern: Concern, group: Group) -> list[Action]:
    if not _can_replace_unhealthy(group):
        if member.concern is concern:
            return []
        return [MarkUnhealthy(instance_id=member.instance_id, concern=concern)]
    return [
        BeginTermination(
            instance_id=member.instance_id,
            cause=wording.taken_out_for_concern(group.now, concern),
            concern=concern,
            detail=describe_concern(member, concern),
        )
    ]


def _keep_capacity(group: Group, unhealthy_count: int) -> list[Action]:
    live = len(group.live)
    if live < group.desired:
        count = group.desired - live
        replacing = min(count, unhealthy_count)
        actions = _launch(group, replacing, wording.launched_for_unhealthy(group.now))
        cause = wording.started_for_capacity(group.now, live + replacing, group.desired)
        return actions + _launch(group, count - replacing, _with_request(group, cause))
    return _scale_in(group, choose_for_scale_in(group, live - group.desired))


def _scale_in(group: Group, chosen: Sequence[Member]) -> list[Action]:
    live = len(group.live)
    if "Terminate" in group.suspended:
        return []
    causes = [
        wording.taken_out_for_capacity(group.now, member.instance_id, live, group.desired)
        for member in chosen
    ]
    return [
        BeginTermination(instance_id=member.instance_id, cause=_with_request(group, cause))
        for member, cause in zip(chosen, causes, strict=True)
    ]


def _follow_refresh(refresh: Refresh, group: Group) -> tuple[Refresh, list[Action]]:
    step = next_step(refresh, group)
    followed = step.refresh
    actions = _begin_terminations(step.terminate, group)
    launch = step.launch
    if not followed.is_active:
        return followed, []
    if followed.status in (Status.BAKING, Status.CANCELLING):
        launch = group.desired - len(group.live)
    cause = wording.launched_for_refresh(group.now)
    actions += _launch(group, launch, cause, followed.label)
    staying = tuple(member for member in group.members if member.instance_id not in step.terminate)
    return followed, actions + _scale_in_meanwhile(followed, replace(group, members=staying))


def _scale_in_meanwhile(refresh: Refresh, group: Group) -> list[Action]:
    """End what is too much for a refresh, too; last those that it counts on."""
    uncounted = tuple(member for member in group.live if not is_counted(member, refresh, group))
    surplus = len(group.live) - _most_live(refresh, group)
    first = choose_for_scale_in(replace(group, members=uncounted), surplus)
    others = tuple(member for member in group.members if member not in first)
    return _scale_in(
        group, [*first, *choose_for_scale_in(replace(group, members=others), surplus - len(first))]
    )


def _most_live(refresh: Refresh, group: Group) -> int:
    """How many there may be: what replacing needs is no surplus."""
    preferences = refresh.preferences
    bounds = replacement_bounds(
        group.desired, preferences.min_healthy_percentage, preferences.max_healthy_percentage
    )
    if refresh.status is Status.CANCELLING:
        return len(group.live)
    return group.desired if refresh.status is Status.BAKING or refresh.paused_until else bounds.ceiling


def _begin_terminations(instance_ids: Sequence[str], group: Group) -> list[Action]:
    if "Terminate" in group.suspended:
        return []
    return [
        BeginTermination(instance_id=name, cause=wording.taken_out_for_refresh(group.now, name))
        for name in instance_ids
    ]


def _launch(group: Group, count: int, cause: str, launched_for: str = "") -> list[Action]:
    if count <= 0 or "Launch" in group.suspended or group.now < group.launch_not_before:
        return []
    return [
        Launch(
            subnets=choose_subnets(group, count),
            template=group.template,
            cause=cause,
            launched_for=launched_for,
        )
    ]


def _with_request(group: Group, cause: str) -> str:
    return f"{group.request_cause}  {cause}" if group.request_cause else cause


def _delete(group: Group) -> tuple[Action, ...]:
    if not group.members:
        return (DeleteGroup(),)
    actions: list[Action] = []
    for member in group.members:
        if member.lifecycle is Lifecycle.TERMINATING:
            actions += _see_off(member, group)
        else:
            cause = wording.taken_out_for_deletion(group.now, member.instance_id)
            actions.append(BeginTermination(instance_id=member.instance_id, cause=cause))
    return tuple(actions)
