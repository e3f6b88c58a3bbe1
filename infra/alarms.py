"""Alarms of the fleet's own: what a bad release shows at the load balancer, though its machines look healthy.

An instance refresh that watches them fails, and goes back, when one goes into ALARM (AlarmSpecification,
Auto Scaling API reference). They ring at any other time too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.naming import shorten

LONGEST_NAME = 255
"""Of alarms (PutMetricAlarm, CloudWatch API reference)."""

PERIOD_SECONDS = 60
"""In which Elastic Load Balancing sends its metrics (its user guide, "CloudWatch metrics")."""

FEWEST_PERIODS_THAT_STAY_UNHEALTHY = 3
"""A killed machine is noticed, taken out and replaced in less time."""

PERIODS_THAT_STAY_SLOW = 3
"""The first requests to new machines may be slow; three minutes of them are not the first ones any more."""


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """Whose metrics are watched, and what is too much of each; None for no alarm on latency."""

    load_balancer_arn_suffix: pulumi.Input[str]
    target_group_arn_suffix: pulumi.Input[str]
    target_5xx_count: int
    unhealthy_hosts_count: int
    health_check_grace_period_seconds: int
    p99_latency_milliseconds: int | None
    tags: Mapping[str, str]


class Alarms(pulumi.ComponentResource):
    """Alarms on the answers, the health and, where asked for, the latency of the targets.

    A rollout needs alarms that are OK when it begins (Auto Scaling user guide, "Undo changes with a manual or
    auto rollback"). Missing data is therefore not breaching: without requests there are no metrics, and a
    new alarm is OK after its first evaluation.

    * 5xx of the targets: one minute with too many is enough. It is what a user sees of a bad release, and
      each minute longer is another minute of it.
    * Unhealthy machines: as many for whole minutes (Minimum), three at least and more than fit into the time
      that a machine may take to start. So neither a machine that is killed and replaced in a good release,
      nor machines that are slow to start ring it; the refresh itself deals with those that never become
      healthy. What rings is machines that were healthy and are not any more, faster than they are replaced.
    * Latency: the 99th percentile, three minutes in a row.

    Output: `names`, for the rollout.
    """

    names: pulumi.Output[list[str]]

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("immutable-machines:infra:Alarms", name, {}, opts)
        self._name = name
        self._args = args
        # A start that takes whole minutes fills as many periods: one more is no start.
        periods = -(-args.health_check_grace_period_seconds // PERIOD_SECONDS) + 1
        alarms = [
            self._alarm(
                "target-5xx",
                f"{args.target_5xx_count} or more answers of the machines in a minute are 5xx",
                metric_name="HTTPCode_Target_5XX_Count",
                statistic="Sum",
                threshold=args.target_5xx_count,
                evaluation_periods=1,
            ),
            self._alarm(
                "unhealthy-hosts",
                f"{args.unhealthy_hosts_count} or more machines stay unhealthy for longer than a start takes",
                metric_name="UnHealthyHostCount",
                statistic="Minimum",
                threshold=args.unhealthy_hosts_count,
                evaluation_periods=max(FEWEST_PERIODS_THAT_STAY_UNHEALTHY, periods),
            ),
        ]
        if args.p99_latency_milliseconds is not None:
            alarms.append(
                self._alarm(
                    "p99-latency",
                    f"The slowest hundredth of the requests take {args.p99_latency_milliseconds} ms or more",
                    metric_name="TargetResponseTime",
                    extended_statistic="p99",
                    threshold=args.p99_latency_milliseconds / 1000,
                    evaluation_periods=PERIODS_THAT_STAY_SLOW,
                )
            )
        self.names = pulumi.Output.all(*(alarm.name for alarm in alarms)).apply(list)
        self.register_outputs({"names": self.names})

    def _alarm(self, kind: str, description: str, **settings: Any) -> aws.cloudwatch.MetricAlarm:
        """An alarm that rings at its threshold or above."""
        return aws.cloudwatch.MetricAlarm(
            f"{shorten(self._name, LONGEST_NAME - len(kind) - 1)}-{kind}",
            alarm_description=description,
            namespace="AWS/ApplicationELB",
            dimensions={
                "LoadBalancer": self._args.load_balancer_arn_suffix,
                "TargetGroup": self._args.target_group_arn_suffix,
            },
            period=PERIOD_SECONDS,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            tags={**self._args.tags, "Name": self._name},
            opts=pulumi.ResourceOptions(parent=self),
            **settings,
        )


def count_what_no_rollout_explains(desired_capacity: int, max_healthy_percentage: int) -> int:
    """One unhealthy machine more than a rollout starts at a time, but never more than the fleet has."""
    started_at_a_time = desired_capacity * (max_healthy_percentage - 100) // 100
    return max(1, min(started_at_a_time + 1, desired_capacity))
