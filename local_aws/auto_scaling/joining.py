"""Launching instances into a group, with the activity that tells of each."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from moto.autoscaling.models import ASG_NAME_TAG
from moto.core.exceptions import ServiceException
from moto.ec2.models.instances import Instance

from local_aws.auto_scaling.backend import LocalAutoScalingBackend
from local_aws.auto_scaling.group import LocalAutoScalingGroup, LocalInstanceState
from local_aws.auto_scaling.launching import launch_instances
from local_aws.auto_scaling.values import Launch
from local_aws.home import world_lock

log = logging.getLogger(__name__)
LONGEST_RETRY_SECONDS = 60.0


def launch(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, action: Launch, now: float
) -> None:
    """Launch what *action* says; an error of EC2 becomes a failed activity."""
    tags = {**group.get_propagated_tags(), ASG_NAME_TAG: group.name}
    try:
        launch_instances(
            backend.ec2_backend, action.template, action.subnets, tags, _joining(backend, group, action, now)
        )
    except ServiceException as error:
        _note_failed_launch(backend, group, action, error.message, now)
    except Exception as error:
        log.exception("Auto Scaling group %s: launching from %s failed", group.name, action.template)
        _note_failed_launch(backend, group, action, str(error) or repr(error), now)
    else:
        group.failed_template = None


def _joining(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, action: Launch, now: float
) -> Callable[[Instance, str], None]:
    def join(instance: Instance, subnet: str) -> None:
        with world_lock:
            activity = backend.note(
                group,
                description=f"Launching a new EC2 instance: {instance.id}",
                cause=action.cause,
                status_code="PreInService",
                progress=30,
                now=now,
                details=describe_details(subnet, instance.placement.zone or "", ""),
            )
            state = LocalInstanceState(
                instance,
                group,
                now=now,
                template=action.template,
                subnet=subnet,
                launched_for=action.launched_for,
                activity=activity,
            )
            group.instance_states = [*group.instance_states, state]

    return join


def _note_failed_launch(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, action: Launch, message: str, now: float
) -> None:
    """A failed activity with EC2's error, and a pause that grows (user guide, "Troubleshoot issues in Amazon
    EC2 Auto Scaling": "Launching EC2 instance failed.")."""
    told = f"{message.rstrip('.')}. Launching EC2 instance failed."
    activity = backend.note(
        group,
        description=f"Launching a new EC2 instance.  Status Reason: {told}",
        cause=action.cause,
        status_code="Failed",
        progress=100,
        now=now,
        details=describe_details(action.subnets[0], "", ""),
    )
    activity.fail(now, told)
    group.last_launch_error = told
    if group.failed_template != action.template:
        group.failed_template, group.launch_failures = action.template, 0
    group.launch_failures += 1
    group.launch_not_before = now + min(LONGEST_RETRY_SECONDS, 2.0**group.launch_failures)


def describe_details(subnet: str, zone: str, reason: str) -> str:
    """An activity's Details, JSON as AWS writes it."""
    details = {"Subnet ID": subnet, "Availability Zone": zone, "Reason": reason}
    return json.dumps({name: value for name, value in details.items() if value})
