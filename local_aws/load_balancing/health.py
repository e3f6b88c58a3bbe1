"""DescribeTargetHealth's answer for one target, from what is registered and what haproxy saw. Pure.

Reason codes and descriptions: Application Load Balancers user guide, "Health checks for your target groups".
"""

from __future__ import annotations

from dataclasses import dataclass

from local_aws.load_balancing.targets import Phase, Record


@dataclass(frozen=True, kw_only=True)
class TargetHealth:
    """A target's state, with AWS's reason for every state but healthy."""

    state: str
    reason: str | None = None
    description: str | None = None


HEALTHY = TargetHealth(state="healthy")
REGISTERING = TargetHealth(
    state="initial",
    reason="Elb.RegistrationInProgress",
    description="Target registration is in progress",
)
CHECKING = TargetHealth(
    state="initial",
    reason="Elb.InitialHealthChecking",
    description="Initial health checks in progress",
)
DRAINING = TargetHealth(
    state="draining",
    reason="Target.DeregistrationInProgress",
    description="Target deregistration is in progress",
)
NOT_REGISTERED = TargetHealth(
    state="unused",
    reason="Target.NotRegistered",
    description="Target is not registered to the target group",
)
NOT_IN_USE = TargetHealth(
    state="unused",
    reason="Target.NotInUse",
    description="Target group is not configured to receive traffic from the load balancer",
)


def describe(
    *, is_registered: bool, is_group_used: bool, instance_state: str, record: Record | None
) -> TargetHealth:
    """The health of a target; *record* is what haproxy's side knows of it, None before it has a server."""
    if not is_registered:
        return DRAINING if record else NOT_REGISTERED
    if instance_state in ("stopping", "stopped", "shutting-down", "terminated"):
        word = "stopped" if instance_state.startswith("stop") else "terminated"
        return TargetHealth(
            state="unused", reason="Target.InvalidState", description=f"Target is in the {word} state"
        )
    if not is_group_used:
        return NOT_IN_USE
    if record is None or record.phase is Phase.DRAINING:
        return REGISTERING
    if record.phase is Phase.INITIAL:
        return CHECKING
    if record.is_up:
        return HEALTHY
    if record.failure is None:
        return TargetHealth(
            state="unhealthy", reason="Target.FailedHealthChecks", description="Health checks failed"
        )
    return TargetHealth(
        state="unhealthy", reason=record.failure.reason, description=record.failure.description
    )
