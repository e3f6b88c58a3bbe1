"""Where new instances go, and which ones a scale-in ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from local_aws.auto_scaling.values import Group, Member


def choose_subnets(group: Group, count: int) -> tuple[str, ...]:
    """A subnet for each of *count* new instances, always the one with the fewest (user guide, "Add and remove
    Availability Zones": instances are distributed evenly)."""
    taken = Counter(member.subnet for member in group.live)
    # Those that will stay count first: a refresh would else spread its replacements around what it removes.
    staying = Counter(member.subnet for member in group.live if member.template == group.template)
    chosen = []
    for _ in range(count):
        subnet = min(group.subnets, key=lambda name: (staying[name], taken[name]))
        staying[subnet] += 1
        taken[subnet] += 1
        chosen.append(subnet)
    return tuple(chosen)


def choose_for_scale_in(group: Group, count: int) -> tuple[Member, ...]:
    """The members that a scale-in ends: from the fullest subnet, by the group's termination policy, and never
    one that is protected from scale in (user guide, "Default termination policy": first the Availability Zone
    with the most instances, then the oldest launch template)."""
    order = _TERMINATION_ORDER[group.termination_policy]
    open_to_it = sorted(
        (member for member in group.live if not member.protected), key=lambda member: order(member, group)
    )
    taken = Counter(member.subnet for member in group.live)
    waiting = {subnet: [m for m in open_to_it if m.subnet == subnet] for subnet in taken}
    chosen: list[Member] = []
    while len(chosen) < count and any(waiting.values()):
        subnet = max((name for name in waiting if waiting[name]), key=lambda name: taken[name])
        taken[subnet] -= 1
        chosen.append(waiting[subnet].pop(0))
    return tuple(chosen)


_TERMINATION_ORDER: dict[str, Callable[[Member, Group], tuple[bool, float]]] = {
    "Default": lambda member, group: (member.template == group.template, member.launched_at),
    "OldestLaunchTemplate": lambda member, group: (member.template == group.template, member.launched_at),
    "OldestInstance": lambda member, _: (False, member.launched_at),
    "NewestInstance": lambda member, _: (False, -member.launched_at),
}
TERMINATION_POLICIES = frozenset(_TERMINATION_ORDER)
