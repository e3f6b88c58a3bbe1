"""Target groups: who is registered, and what they say. The only caller of the load balancing backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moto.elbv2.exceptions import InvalidTargetError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend

from local_aws.auto_scaling.values import TargetHealth

DRAINING_SLACK_SECONDS = 15.0


def existing_target_groups(elbv2: ELBv2Backend, arns: Iterable[str]) -> tuple[str, ...]:
    """Those of *arns* that there are; a target group can be deleted before the Auto Scaling group."""
    return tuple(arn for arn in arns if arn in elbv2.target_groups)


def draining_limit_seconds(elbv2: ELBv2Backend, arns: Iterable[str]) -> float:
    """After how long an instance is terminated even if a target group still says that it drains."""
    delays = [
        float(str(elbv2.target_groups[arn].attributes.get("deregistration_delay.timeout_seconds", 300)))
        for arn in existing_target_groups(elbv2, arns)
    ]
    return max(delays, default=0.0) + DRAINING_SLACK_SECONDS


def read_target_health(
    elbv2: ELBv2Backend, arns: Sequence[str], leaving: Sequence[str]
) -> dict[str, tuple[TargetHealth, ...]]:
    """What each target group says of each instance: one call for a group, and one for those *leaving* it."""
    found: dict[str, list[TargetHealth]] = {}
    for arn in arns:
        try:
            told = {status.instance_id: status for status in elbv2.describe_target_health(arn, [])}
            unlisted = [{"Id": name} for name in leaving if name not in told]
            if unlisted:
                told |= {status.instance_id: status for status in elbv2.describe_target_health(arn, unlisted)}
        except TargetGroupNotFoundError:
            continue
        for name, status in told.items():
            found.setdefault(name, []).append(
                TargetHealth(
                    target_group=arn,
                    state=status.status,
                    reason=status.reason or "",
                    description=status.description or "",
                )
            )
    return {name: tuple(verdicts) for name, verdicts in found.items()}


def register(elbv2: ELBv2Backend, arn: str, instance_ids: Sequence[str]) -> None:
    """Register instances on the target group's own port."""
    target_group = elbv2.target_groups.get(arn)
    if target_group is not None:
        elbv2.register_targets(arn, [{"Id": name, "Port": target_group.port} for name in instance_ids])


def deregister(elbv2: ELBv2Backend, arn: str, instance_ids: Sequence[str]) -> None:
    """Deregister instances; one that somebody else deregistered, or a deleted target group, is no error."""
    for name in instance_ids:
        try:
            elbv2.deregister_targets(arn, [{"Id": name}])
        except (InvalidTargetError, TargetGroupNotFoundError):
            continue
