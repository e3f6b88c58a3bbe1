"""The load balancer's metrics of one period, from its counters before and after: pure.

Names, units, dimensions and reporting criteria: Application Load Balancers user guide, "CloudWatch metrics".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from local_aws.load_balancing.request_log import NO_ANSWER
from local_aws.load_balancing.statistics import Statistics
from local_aws.monitoring.aggregate import Samples, merge, of_values, one

NAMESPACE = "AWS/ApplicationELB"
RESPONSE_TIME = "TargetResponseTime"
CODES = {name: f"HTTPCode_Target_{name.upper()}_Count" for name in ("2xx", "3xx", "4xx", "5xx")}

Dimensions = tuple[tuple[str, str], ...]
Key = TypeVar("Key")


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """How many targets of a group were in which health at one moment."""

    healthy: int
    unhealthy: int
    registered: int


@dataclass(frozen=True, kw_only=True)
class WatchedGroup:
    """A target group in use, by the last parts of its ARN and of its load balancer's, and what was seen."""

    arn: str
    target_group: str
    load_balancer: str
    hosts: Sequence[Hosts]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One metric of one period."""

    metric: str
    dimensions: Dimensions
    samples: Samples

    @property
    def unit(self) -> str:
        """Its unit."""
        return "Seconds" if self.metric == RESPONSE_TIME else "Count"


def measure(before: Statistics, after: Statistics, groups: Iterable[WatchedGroup]) -> list[Measurement]:
    """What happened between *before* and *after*, by target group and by load balancer."""
    measured: list[Measurement] = []
    by_balancer: dict[str, dict[str, list[Samples]]] = {}
    for group in groups:
        dimensions = (("LoadBalancer", group.load_balancer), ("TargetGroup", group.target_group))
        traffic = _measure_traffic(before, after, group)
        for metric, samples in {**traffic, **_measure_hosts(group.hosts)}.items():
            measured.append(Measurement(metric=metric, dimensions=dimensions, samples=samples))
        for metric, samples in traffic.items():
            by_balancer.setdefault(group.load_balancer, {}).setdefault(metric, []).append(samples)
    for balancer, metrics in by_balancer.items():
        for metric, parts in metrics.items():
            whole = merge(parts)
            assert whole is not None  # noqa: S101 - there is a part, or there were no metric
            dimensions_of_balancer = (("LoadBalancer", balancer),)
            measured.append(Measurement(metric=metric, dimensions=dimensions_of_balancer, samples=whole))
    return measured


def _measure_traffic(before: Statistics, after: Statistics, group: WatchedGroup) -> dict[str, Samples]:
    metrics: dict[str, Samples] = {}
    answers = _grown(before.target_groups.get(group.arn, {}), after.target_groups.get(group.arn, {}))
    has_targets = any(hosts.registered for hosts in group.hosts)
    for name, metric in CODES.items():
        if answers.get(name) or has_targets:
            metrics[metric] = _ones(answers.get(name, 0))
    times = _grown(before.milliseconds.get(group.arn, {}), after.milliseconds.get(group.arn, {}))
    if times:
        metrics["RequestCount"] = _ones(sum(times.values()))
    answered = {
        milliseconds / 1000: count for milliseconds, count in times.items() if milliseconds != NO_ANSWER
    }
    if answered:
        metrics[RESPONSE_TIME] = of_values(answered)
    return metrics


def _measure_hosts(hosts: Sequence[Hosts]) -> dict[str, Samples]:
    seen = [look for look in hosts if look.registered]
    counts = {
        "HealthyHostCount": merge(one(look.healthy) for look in seen),
        "UnHealthyHostCount": merge(one(look.unhealthy) for look in seen),
    }
    return {metric: samples for metric, samples in counts.items() if samples is not None}


def _ones(count: int) -> Samples:
    """So many samples of 1, as the load balancer counts ("Minimum, Maximum, and Average all return 1")."""
    return of_values({1.0: count}) if count else one(0.0)


def _grown(before: Mapping[Key, int], after: Mapping[Key, int]) -> dict[Key, int]:
    """By how much each count has grown, where it has."""
    grown = {key: count - before.get(key, 0) for key, count in after.items()}
    return {key: count for key, count in grown.items() if count > 0}
