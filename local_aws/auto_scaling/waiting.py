"""What an instance refresh is waiting for, as DescribeInstanceRefreshes says it in StatusReason.

AWS documents two of these sentences: "Waiting for instances to warm up before continuing. For example: i-…
is warming up." (API reference, DescribeInstanceRefreshes, example) and "Waiting for remaining instances to be
available. For example: i-… has insufficient data to evaluate its health with Elastic Load Balancing."
(re:Post question QU9RKhLxhnSRGeKNlRWkP_2A). The others follow their form.
"""

from __future__ import annotations

from local_aws.auto_scaling.health import is_ready
from local_aws.auto_scaling.refresh import Refresh
from local_aws.auto_scaling.values import Group, Lifecycle, Member


def waiting_reason(
    refresh: Refresh, group: Group, replacements: tuple[Member, ...], blocked: tuple[Member, ...]
) -> str:
    """One sentence with one example; empty while there is nothing to wait for."""
    if refresh.paused_until:
        percentage = refresh.preferences.checkpoint_percentages[refresh.checkpoints_passed - 1]
        return f"Checkpoint of {percentage} percent reached. Waiting for the checkpoint delay to pass."
    unready = next((member for member in replacements if not is_ready(member, group)), None)
    if unready:
        return _unavailable(unready, group)
    warming = next(
        (
            member
            for member in replacements
            if group.now < member.in_service_at + refresh.preferences.instance_warmup_seconds
        ),
        None,
    )
    if warming:
        return (
            "Waiting for instances to warm up before continuing. "
            f"For example: {warming.instance_id} is warming up."
        )
    if group.last_launch_error:
        return f"Could not launch a new instance. {group.last_launch_error}"
    if blocked:
        return _in_the_way(blocked[0])
    return refresh.last_failure


def _unavailable(member: Member, group: Group) -> str:
    opening = f"Waiting for remaining instances to be available. For example: {member.instance_id}"
    if member.lifecycle is Lifecycle.PENDING:
        return f"{opening} is Pending (its EC2 state is {member.ec2_state})."
    checked = [target for target in member.targets if target.is_checked and target.state != "healthy"]
    ill = next((target for target in checked if target.state == "unhealthy"), None)
    if ill:
        return f"{opening} is {ill} with Elastic Load Balancing."
    if checked or len(member.targets) < len(group.target_groups):
        return f"{opening} has insufficient data to evaluate its health with Elastic Load Balancing."
    return f"{opening} is {member.ec2_state}."


def _in_the_way(member: Member) -> str:
    if member.lifecycle is Lifecycle.STANDBY:
        return (
            "Waiting for instances in Standby to return to service. "
            f"For example: {member.instance_id} is in Standby."
        )
    return (
        "Waiting for scale-in protection to be removed. "
        f"For example: {member.instance_id} is protected from scale in."
    )
