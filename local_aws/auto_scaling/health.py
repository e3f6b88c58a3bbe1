"""Judging one instance: is it ill, is it ready for work, has it drained."""

from __future__ import annotations

from local_aws.auto_scaling.values import DEAD_EC2_STATES, Concern, Group, Lifecycle, Member


def find_concern(member: Member, group: Group) -> Concern:
    """Why *member* must be replaced, if it must.

    A stopped or terminated instance is unhealthy at once, also in its grace period; a target group's
    "unhealthy" counts when the group's health check type is ELB and the grace period, which begins when the
    instance comes into service, has passed (user guide, "Health checks for instances in an Auto Scaling
    group" and "Set the health check grace period").
    """
    if member.concern is not Concern.NONE:
        return member.concern
    if "HealthCheck" in group.suspended:
        return Concern.NONE
    if member.ec2_state in DEAD_EC2_STATES:
        return Concern.EC2
    if member.lifecycle is not Lifecycle.IN_SERVICE or not group.checks_load_balancer:
        return Concern.NONE
    if group.now - member.in_service_at < group.grace_seconds:
        return Concern.NONE
    if any(target.state == "unhealthy" for target in member.targets):
        return Concern.ELB
    return Concern.NONE


def describe_concern(member: Member, concern: Concern) -> str:
    """What is known of why *member* is unhealthy, for the person who reads the status."""
    if concern is Concern.ELB:
        return "; ".join(str(target) for target in member.targets if target.state == "unhealthy")
    if concern is Concern.EC2:
        return f"{member.ec2_state} ({member.ec2_reason})" if member.ec2_reason else member.ec2_state
    return "SetInstanceHealth" if concern is Concern.USER else ""


def is_ready(member: Member, group: Group) -> bool:
    """Whether *member* is in service and every target group of the group that checks it says healthy.

    With a target group attached an instance refresh waits for its verdict, whatever the group's health check
    type is (status reason "has insufficient data to evaluate its health with Elastic Load Balancing").
    """
    return (
        member.lifecycle is Lifecycle.IN_SERVICE
        and member.concern is Concern.NONE
        and member.ec2_state == "running"
        and all(target.state == "healthy" for target in member.targets if target.is_checked)
        and {target.target_group for target in member.targets} >= set(group.target_groups)
    )


def is_drained(member: Member, group: Group) -> bool:
    """Whether a terminating member may be ended: no target group still drains it, or it waited long enough.

    AWS waits for connection draining (deregistration delay) before it terminates an instance (user guide,
    "Use Elastic Load Balancing to distribute traffic across the instances in your Auto Scaling group").
    """
    return (
        member.ec2_state in DEAD_EC2_STATES
        or group.is_deleting
        or group.now - member.terminating_at >= group.draining_limit_seconds
        or all(target.state == "unused" for target in member.targets)
    )
