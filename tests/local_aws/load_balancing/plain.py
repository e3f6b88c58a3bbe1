"""Plain values for the tests that need neither moto nor haproxy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local_aws.load_balancing.model import Forward, HealthCheck, Listener, Target, TargetGroup, WeightedGroup
from local_aws.load_balancing.statistics import Row
from local_aws.load_balancing.targets import Phase, Record

CHECK = HealthCheck(
    path="/healthz",
    port=None,
    interval_seconds=10,
    timeout_seconds=5,
    healthy_threshold=3,
    unhealthy_threshold=2,
    codes="200-299",
)
TARGET = Target(instance_id="i-1", address="127.0.9.10", port=8080, is_running=True)
GROUP = TargetGroup(
    arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef",
    name="web-0123456789abcdef",
    algorithm="round_robin",
    deregistration_delay_seconds=30,
    slow_start_seconds=0,
    idle_timeout_seconds=60,
    health_check=CHECK,
    targets=(TARGET,),
)
LISTENER = Listener(
    name="listener-1",
    load_balancer="balancer",
    address="127.0.9.1",
    port=80,
    idle_timeout_seconds=60,
    action=Forward(groups=(WeightedGroup(name=GROUP.name, weight=1),)),
)


def record(**changes: Any) -> Record:
    """A target that has just been registered, at the time 100."""
    fresh = Record(
        group=GROUP, target=TARGET, phase=Phase.INITIAL, generation=1, since=100.0, is_probing=True
    )
    return replace(fresh, **changes)


def row(**changes: Any) -> Row:
    """What haproxy says of a server that was never checked."""
    unchecked = Row(proxy=GROUP.name, server=TARGET.server, status="DRAIN", check_status="INI")
    return replace(unchecked, **changes)
