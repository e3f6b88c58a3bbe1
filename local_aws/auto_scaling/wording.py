"""The sentences of scaling activities and refresh reasons, as AWS words them where it documents them.

Sources: user guide, "Verify a scaling activity for an Auto Scaling group", "View the reason for health check
failures" and "Troubleshoot issues in Amazon EC2 Auto Scaling"; re:Post, "Why did Amazon EC2 Auto Scaling
terminate an instance?"; API reference, examples of DescribeInstanceRefreshes.
"""

from __future__ import annotations

from datetime import UTC, datetime

from local_aws.auto_scaling.values import Concern

UNHEALTHY_CAUSE = {
    Concern.EC2: "an EC2 health check indicating it has been terminated or stopped",
    Concern.ELB: "an ELB system health check failure",
    Concern.USER: "a user health-check",
}


def timestamp(now: float) -> str:
    """The time as activities write it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def started_for_capacity(now: float, before: int, after: int) -> str:
    """Why an instance was launched to reach the desired capacity."""
    return (
        f"At {timestamp(now)} an instance was started in response to a difference between desired and actual "
        f"capacity, increasing the capacity from {before} to {after}."
    )


def launched_for_unhealthy(now: float) -> str:
    """Why an instance was launched after an unhealthy one was taken out."""
    return (
        f"At {timestamp(now)} an instance was launched in response to an unhealthy instance needing to be "
        "replaced."
    )


def launched_for_refresh(now: float) -> str:
    """Why an instance was launched by an instance refresh."""
    return f"At {timestamp(now)} an instance was launched in response to an instance refresh."


def taken_out_for_refresh(now: float, instance_id: str) -> str:
    """Why an instance was terminated by an instance refresh."""
    return (
        f"At {timestamp(now)} an instance was taken out of service in response to an instance refresh.  "
        f"At {timestamp(now)} instance {instance_id} was selected for termination."
    )


def taken_out_for_capacity(now: float, instance_id: str, before: int, after: int) -> str:
    """Why an instance was terminated to reach the desired capacity."""
    return (
        f"At {timestamp(now)} an instance was taken out of service in response to a difference between "
        f"desired and actual capacity, shrinking the capacity from {before} to {after}.  "
        f"At {timestamp(now)} instance {instance_id} was selected for termination."
    )


def taken_out_for_concern(now: float, concern: Concern) -> str:
    """Why an unhealthy instance was terminated."""
    return (
        f"At {timestamp(now)} an instance was taken out of service in response to {UNHEALTHY_CAUSE[concern]}."
    )


def taken_out_for_deletion(now: float, instance_id: str) -> str:
    """Why an instance was terminated when its group was deleted with force."""
    return (
        f"At {timestamp(now)} a user request deleted the AutoScalingGroup.  "
        f"At {timestamp(now)} instance {instance_id} was taken out of service."
    )


def taken_out_by_user(now: float, instance_id: str, before: int, after: int) -> str:
    """Why TerminateInstanceInAutoScalingGroup terminated an instance."""
    shrinking = f", shrinking the capacity from {before} to {after}" if after < before else ""
    return (
        f"At {timestamp(now)} instance {instance_id} was taken out of service in response to a user request"
        f"{shrinking}."
    )


def group_created(now: float, desired: int) -> str:
    """What made the first capacity of a group."""
    return (
        f"At {timestamp(now)} a user request created an AutoScalingGroup changing the desired capacity from "
        f"0 to {desired}."
    )


def capacity_set(now: float, before: int, after: int) -> str:
    """What SetDesiredCapacity did."""
    return (
        f"At {timestamp(now)} a user request explicitly set group desired capacity changing the desired "
        f"capacity from {before} to {after}."
    )


def constraints_updated(now: float, *, smallest: int, largest: int, before: int, after: int) -> str:
    """What UpdateAutoScalingGroup did to the capacity."""
    return (
        f"At {timestamp(now)} a user request update of AutoScalingGroup constraints to min: {smallest}, "
        f"max: {largest}, desired: {after} changing the desired capacity from {before} to {after}."
    )
