"""Which part each instance of a group plays in an instance refresh."""

from __future__ import annotations

from dataclasses import dataclass

from local_aws.auto_scaling.health import is_ready
from local_aws.auto_scaling.refresh import Refresh, Treatment
from local_aws.auto_scaling.values import Group, Lifecycle, Member


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The group's instances by the part they play in the refresh."""

    replacements: tuple[Member, ...]
    settled: tuple[Member, ...]
    candidates: tuple[Member, ...]
    blocked: tuple[Member, ...]
    standby: tuple[Member, ...]
    goal: int
    ready: int


def sort_members(refresh: Refresh, group: Group) -> Roles:
    """Who is new, who is to be replaced, who stays, who stands in the way."""
    preferences = refresh.preferences
    replacements = [member for member in group.live if member.launched_for == refresh.label]
    others = [member for member in group.live if member.launched_for != refresh.label]
    wanted = [member for member in others if _is_to_be_replaced(member, refresh, group)]
    held = [m for m in wanted if m.protected and preferences.protected_instances is not Treatment.REPLACE]
    blocked = held if preferences.protected_instances is Treatment.WAIT else []
    standby: list[Member] = []
    if not refresh.is_rolling_back and preferences.standby_instances is not Treatment.IGNORE:
        resting = [member for member in group.members if member.lifecycle is Lifecycle.STANDBY]
        standby = [member for member in resting if _is_to_be_replaced(member, refresh, group)]
    candidates = [member for member in wanted if member not in held] if held else wanted
    # Ill ones first: ending them costs no capacity. Then the oldest configuration and the oldest instance.
    candidates.sort(key=lambda m: (is_ready(m, group), m.template == group.template, m.launched_at))
    settled = [member for member in replacements if is_settled(member, refresh, group)]
    return Roles(
        replacements=tuple(replacements),
        settled=tuple(settled),
        candidates=tuple(candidates),
        blocked=tuple(blocked),
        standby=tuple(standby),
        goal=max(0, group.desired - (len(others) - len(candidates))),
        ready=sum(is_counted(member, refresh, group) for member in group.live),
    )


def is_settled(member: Member, refresh: Refresh, group: Group) -> bool:
    """Whether a replacement counts: healthy, and its warm-up has passed since it came into service."""
    warm_at = member.in_service_at + refresh.preferences.instance_warmup_seconds
    return is_ready(member, group) and group.now >= warm_at


def is_counted(member: Member, refresh: Refresh, group: Group) -> bool:
    """Whether a member is one of those of which the refresh keeps a minimum."""
    return (
        is_settled(member, refresh, group)
        if member.launched_for == refresh.label
        else is_ready(member, group)
    )


def _is_to_be_replaced(member: Member, refresh: Refresh, group: Group) -> bool:
    if refresh.is_rolling_back:
        return member.launched_for == refresh.refresh_id
    return not (refresh.preferences.skip_matching and member.template == group.template)
