"""How many instances must stay ready, and how many there may be at most, while a group is refreshed."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MIN_HEALTHY_PERCENTAGE = 90


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Terminate only while more than *floor* are ready; launch only while fewer than *ceiling* are live."""

    floor: int
    ceiling: int


def replacement_bounds(desired: int, min_healthy: int | None, max_healthy: int | None) -> Bounds:
    """The room for replacing instances of a group of *desired*, as AWS documents it.

    The minimum is rounded up; the maximum is rounded down, so that it is never exceeded. Where that leaves no
    room at all (API reference, RefreshPreferences.MaxHealthyPercentage):
    a maximum that was given, also 100, means that one instance is launched before one is terminated;
    a maximum that was left out means that one is terminated while its replacement is launched, unless the
    minimum is 100 (user guide, "How an instance refresh works": "Launch the new instances first before
    terminating the old ones if the minimum healthy percentage is set to 100 percent").
    """
    min_percentage = DEFAULT_MIN_HEALTHY_PERCENTAGE if min_healthy is None else min_healthy
    max_percentage = 100 if max_healthy is None else max_healthy
    floor = -(-desired * min_percentage // 100)
    ceiling = desired * max_percentage // 100
    if floor < desired or ceiling > desired or not desired:
        return Bounds(floor=floor, ceiling=ceiling)
    if max_healthy is not None or min_percentage == 100:
        return Bounds(floor=floor, ceiling=desired + 1)
    return Bounds(floor=max(0, desired - 1), ceiling=desired)
