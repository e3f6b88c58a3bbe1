"""How many instances AWS replaces at once, and in which order: computed before it happens."""

from __future__ import annotations

from dataclasses import dataclass

from infra.rollout.preferences import Preferences

DEFAULT_MIN_HEALTHY_PERCENTAGE = 90


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """What a refresh does to a group of *instances*.

    At most *extra* are added at a time and never fewer than *fewest* serve; *exceeds_maximum* where AWS goes
    one beyond the maximum because the percentages leave no room at all.
    """

    instances: int
    extra: int
    fewest: int
    exceeds_maximum: bool = False

    @property
    def gone_first(self) -> int:
        """How many AWS may terminate at a time before their replacements serve."""
        return self.instances - self.fewest

    def __str__(self) -> str:
        if self.instances == 0:
            return "no instances, so none is replaced"
        instances = "1 instance" if self.instances == 1 else f"{self.instances} instances"
        order = " or ".join(
            f"{_up_to(number)} {what}"
            for number, what in (
                (self.extra, "extra at a time"),
                (self.gone_first, "terminated first"),
            )
            if number
        )
        beyond = (
            " (beyond the maximum healthy percentage, which leaves no room)" if self.exceeds_maximum else ""
        )
        return f"{instances}, {order}{beyond}, never fewer than {self.fewest}"


def plan_batches(
    desired_capacity: int, min_healthy_percentage: int | None, max_healthy_percentage: int | None
) -> BatchPlan:
    """How AWS replaces *desired_capacity* instances, None being a percentage that it is not told.

    The minimum is rounded up ("Core concepts" of instance refresh, Auto Scaling user guide); how the maximum
    is rounded is not documented, so it is rounded down here, and nothing is promised that may not fit. Where
    no replacement fits between the two, a maximum that was given, also 100, or a minimum of 100 means that
    one is launched before one is terminated; with a maximum that was not given one is terminated while its
    replacement is launched (RefreshPreferences.MaxHealthyPercentage, Auto Scaling API reference).
    """
    least = DEFAULT_MIN_HEALTHY_PERCENTAGE if min_healthy_percentage is None else min_healthy_percentage
    most = 100 if max_healthy_percentage is None else max_healthy_percentage
    fewest = -(-desired_capacity * least // 100)
    extra = desired_capacity * most // 100 - desired_capacity
    if desired_capacity == 0 or extra > 0 or fewest < desired_capacity:
        return BatchPlan(instances=desired_capacity, extra=extra, fewest=fewest)
    if max_healthy_percentage is not None or least == 100:
        return BatchPlan(instances=desired_capacity, extra=1, fewest=fewest, exceeds_maximum=True)
    return BatchPlan(instances=desired_capacity, extra=0, fewest=desired_capacity - 1)


def describe_plan(desired_capacity: int, preferences: Preferences) -> str:
    """What a refresh will do to a group of this size, in a line."""
    plan = plan_batches(
        desired_capacity, preferences.min_healthy_percentage, preferences.max_healthy_percentage
    )
    parts = [str(plan)]
    pauses = preferences.checkpoint_percentages[:-1]
    if pauses:
        named = " and ".join(f"{one} % ({count_at(one, desired_capacity)} of them new)" for one in pauses)
        parts.append(f"pauses {preferences.pause_seconds} s at {named}")
    if preferences.bake_time_seconds:
        parts.append(f"bakes {preferences.bake_time_seconds} s")
    if preferences.alarm_names:
        parts.append(f"watches {', '.join(preferences.alarm_names)}")
    return "; ".join(parts)


def count_at(checkpoint_percentage: int, desired_capacity: int) -> int:
    """How many instances are new when a checkpoint is reached, which is the least share that counts.

    "These checkpoints indicate the minimum percentage of instances in the Auto Scaling group that must be new
    instances before the checkpoint is considered reached" (Auto Scaling user guide, "Add checkpoints").
    """
    return -(-desired_capacity * checkpoint_percentage // 100)


def find_warnings(desired_capacity: int, preferences: Preferences) -> list[str]:
    """What of this a person may not have meant, each with the numbers that do otherwise."""
    plan = plan_batches(
        desired_capacity, preferences.min_healthy_percentage, preferences.max_healthy_percentage
    )
    if desired_capacity == 0:
        return []
    # The first whole percentage in which an extra instance fits.
    enough = 100 + -(-100 // desired_capacity)
    if plan.gone_first:
        most = max(enough, preferences.max_healthy_percentage or 0)
        return [
            f"warning: {plan.gone_first} of {desired_capacity} may be terminated before its replacement "
            f"serves; minHealthyPercentage 100 with maxHealthyPercentage {most} launches first"
        ]
    if plan.exceeds_maximum:
        return [
            f"warning: no extra machine fits in maxHealthyPercentage {preferences.max_healthy_percentage}, "
            f"so AWS exceeds it; {enough} says so openly"
        ]
    return []


def _up_to(number: int) -> str:
    return "one" if number == 1 else f"up to {number}"
