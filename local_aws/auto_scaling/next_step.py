"""What an instance refresh does next: a pure decision from the refresh, the group and the time.

The promises, held by tests for every state that can be reached: replacing never leaves fewer ready instances
than the floor, never makes more live ones than the ceiling (bounds.py), and every refresh ends.
User guide: "How an instance refresh works", "Add checkpoints", "Use skip matching", "Undo changes with a
manual or auto rollback".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from local_aws.auto_scaling.bounds import Bounds, replacement_bounds
from local_aws.auto_scaling.health import is_ready
from local_aws.auto_scaling.refresh import Refresh, Status, Treatment, end, fail
from local_aws.auto_scaling.roles import Roles, sort_members
from local_aws.auto_scaling.values import Group, Lifecycle
from local_aws.auto_scaling.waiting import waiting_reason


@dataclass(frozen=True, kw_only=True)
class Step:
    """The refresh as it is now, and what to do for it."""

    refresh: Refresh
    terminate: tuple[str, ...] = ()
    launch: int = 0


def next_step(refresh: Refresh, group: Group) -> Step:
    """The next step of an active *refresh* of *group*, whose unhealthy members are already terminating."""
    now = group.now
    if refresh.status is Status.PENDING:
        refresh = replace(refresh, status=Status.IN_PROGRESS, progressed_at=now)
    if refresh.status is Status.CANCELLING:
        return Step(refresh=_step_cancelling(refresh, group))
    if group.alarms_ringing and not refresh.is_rolling_back:
        names = ", ".join(group.alarms_ringing)
        return Step(refresh=fail(refresh, now, f"CloudWatch alarm {names} went into the ALARM state."))
    if refresh.status is Status.BAKING:
        return Step(refresh=_step_baking(refresh, group))
    if "InstanceRefresh" in group.suspended:
        reason = "The InstanceRefresh process is suspended."
        return Step(refresh=replace(refresh, status_reason=reason, progressed_at=now))
    return _step_replacing(refresh, group)


def _share(goal: int, percentage: int) -> int:
    return -(-goal * percentage // 100)


def _step_replacing(refresh: Refresh, group: Group) -> Step:
    members = sort_members(refresh, group)
    refresh = _note_progress(refresh, members, group)
    refresh = _pass_checkpoints(refresh, members, group)
    if _is_done(refresh, members):
        if any(member.lifecycle is Lifecycle.TERMINATING for member in group.members):
            return Step(
                refresh=replace(refresh, status_reason="Waiting for instances to finish terminating.")
            )
        return Step(refresh=_finish(refresh, group.now))
    reason = waiting_reason(refresh, group, members.replacements, (*members.blocked, *members.standby))
    if refresh.paused_until:
        return _replace(replace(refresh, status_reason=reason), members, group)
    patience = refresh.failure_seconds + refresh.preferences.instance_warmup_seconds + group.grace_seconds
    if group.now - refresh.progressed_at > patience:
        told = refresh.last_failure or reason
        return Step(refresh=fail(refresh, group.now, f"No progress for {patience:.0f} seconds. {told}"))
    return _replace(replace(refresh, status_reason=reason), members, group)


def _replace(refresh: Refresh, members: Roles, group: Group) -> Step:
    preferences = refresh.preferences
    bounds = replacement_bounds(
        group.desired, preferences.min_healthy_percentage, preferences.max_healthy_percentage
    )
    limit = _limit(refresh, members.goal)
    terminate = _choose_terminations(members, group, bounds, len(members.candidates) - (members.goal - limit))
    live = len(group.live) - len(terminate)
    launch = max(0, min(limit - len(members.replacements), bounds.ceiling - live))
    standby = members.standby if preferences.standby_instances is Treatment.REPLACE else ()
    ended = (*terminate, *(member.instance_id for member in standby))
    return Step(refresh=refresh, terminate=ended, launch=launch)


def _choose_terminations(members: Roles, group: Group, bounds: Bounds, most: int) -> tuple[str, ...]:
    """Candidates to end now: no fewer ready, and no fewer live ones than the floor may remain."""
    room = min(most, len(group.live) - bounds.floor)
    spare = members.ready - bounds.floor
    chosen: list[str] = []
    for member in members.candidates:
        if len(chosen) >= room:
            break
        if is_ready(member, group):
            if spare <= 0:
                break
            spare -= 1
        chosen.append(member.instance_id)
    return tuple(chosen)


def _limit(refresh: Refresh, goal: int) -> int:
    """How many replacements may exist before the next checkpoint has been waited for."""
    percentages = refresh.preferences.checkpoint_percentages
    if refresh.is_rolling_back or not percentages:
        return goal
    index = refresh.checkpoints_passed - 1 if refresh.paused_until else refresh.checkpoints_passed
    return _share(goal, percentages[min(index, len(percentages) - 1)])


def _pass_checkpoints(refresh: Refresh, members: Roles, group: Group) -> Refresh:
    percentages = refresh.preferences.checkpoint_percentages
    if refresh.is_rolling_back or not percentages:
        return refresh
    if refresh.paused_until:
        if group.now < refresh.paused_until:
            return refresh
        return replace(refresh, paused_until=0.0, progressed_at=group.now)
    shares = [_share(members.goal, percentage) for percentage in percentages]
    done = min(len(members.settled), members.goal - len(members.candidates))
    reached = sum(share <= done for share in shares)
    # The last one ends the refresh, nothing is waited for.
    if refresh.checkpoints_passed < reached < len(percentages):
        until = group.now + refresh.preferences.checkpoint_delay_seconds
        return replace(refresh, checkpoints_passed=reached, paused_until=until)
    return refresh


def _is_done(refresh: Refresh, members: Roles) -> bool:
    """Whether all that was to be replaced is replaced; the last checkpoint may be below 100 percent."""
    if refresh.paused_until or members.blocked or members.standby:
        return False
    percentages = refresh.preferences.checkpoint_percentages
    last = percentages[-1] if percentages and not refresh.is_rolling_back else 100
    share = _share(members.goal, last)
    return len(members.settled) >= share and len(members.candidates) <= members.goal - share


def _finish(refresh: Refresh, now: float) -> Refresh:
    if refresh.is_rolling_back:
        return replace(end(refresh, Status.ROLLBACK_SUCCESSFUL, now), percentage=0)
    if refresh.preferences.bake_time_seconds:
        until = now + refresh.preferences.bake_time_seconds
        reason = f"Waiting for the bake time of {refresh.preferences.bake_time_seconds} seconds to pass."
        return replace(refresh, status=Status.BAKING, status_reason=reason, baking_until=until)
    return end(refresh, Status.SUCCESSFUL, now)


def _note_progress(refresh: Refresh, members: Roles, group: Group) -> Refresh:
    settled, candidates = len(members.settled), len(members.candidates)
    if refresh.is_rolling_back and refresh.rollback:
        deployed = refresh.rollback.deployed or candidates
        left = refresh.rollback.percentage * candidates // max(1, deployed)
        refresh = replace(refresh, percentage=left, rollback=replace(refresh.rollback, deployed=deployed))
    else:
        percentage = min(100, 100 * settled // members.goal) if members.goal else 100
        refresh = replace(refresh, percentage=percentage, to_update=candidates + len(members.blocked))
    is_first = refresh.fewest_candidates < 0
    if is_first or settled > refresh.most_settled or candidates < refresh.fewest_candidates:
        return replace(
            refresh,
            progressed_at=group.now,
            most_settled=max(settled, refresh.most_settled),
            fewest_candidates=candidates if is_first else min(candidates, refresh.fewest_candidates),
        )
    return refresh


def _step_cancelling(refresh: Refresh, group: Group) -> Refresh:
    """Cancelled once no launch and no termination is under way (CancelInstanceRefresh)."""
    moving = [m for m in group.members if m.lifecycle in (Lifecycle.PENDING, Lifecycle.TERMINATING)]
    if moving:
        example = moving[0]
        reason = f"Waiting for {example.instance_id}, which is {example.lifecycle}, before cancelling."
        return replace(refresh, status_reason=reason)
    return end(refresh, Status.CANCELLED, group.now, "Cancelled by user.")


def _step_baking(refresh: Refresh, group: Group) -> Refresh:
    """Successful when the bake time has passed and every instance is healthy."""
    if group.now < refresh.baking_until:
        return refresh
    if all(is_ready(member, group) for member in group.live) and len(group.live) >= group.desired:
        return end(refresh, Status.SUCCESSFUL, group.now)
    reason = waiting_reason(refresh, group, group.live, ())
    if group.now - refresh.baking_until > refresh.failure_seconds + group.grace_seconds:
        return fail(refresh, group.now, f"Not healthy after the bake time. {refresh.last_failure or reason}")
    return replace(refresh, status_reason=reason)
