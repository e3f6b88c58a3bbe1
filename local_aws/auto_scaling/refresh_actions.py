"""The four API actions of instance refresh (API reference, under their names)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.cloudwatch.models import cloudwatch_backends

from local_aws.auto_scaling.backend import LocalAutoScalingBackend
from local_aws.auto_scaling.group import LocalAutoScalingGroup
from local_aws.auto_scaling.refresh import (
    CAN_ROLL_BACK,
    Preferences,
    Refresh,
    Status,
    begin_rollback,
    end,
)
from local_aws.auto_scaling.refresh_answer import as_answer
from local_aws.auto_scaling.refresh_request import RefusedRequestError, read_preferences
from local_aws.auto_scaling.values import Template
from local_aws.home import world_lock

FAILURE_SECONDS_VARIABLE = "LOCAL_AWS_REFRESH_FAILURE_SECONDS"
DEFAULT_FAILURE_SECONDS = 30.0
"""AWS tries for one hour (user guide, "How an instance refresh works", limits: one-hour timeout)."""


def start_refresh(
    backend: LocalAutoScalingBackend,
    group_name: str,
    *,
    strategy: str | None,
    desired_configuration: Mapping[str, Any] | None,
    preferences: Mapping[str, Any],
) -> str:
    """Begin a refresh and return its id."""
    group = backend.local_group(group_name)
    if strategy not in (None, "Rolling"):
        raise ValidationError(f"Strategy {strategy} is not served by the local AWS; only Rolling is.")
    desired = _read_desired(backend, desired_configuration or {})
    warmup = group.default_instance_warmup
    default_warmup = int(group.health_check_grace_period or 0) if warmup is None or warmup < 0 else warmup
    try:
        read = read_preferences(preferences, default_warmup_seconds=default_warmup)
    except RefusedRequestError as error:
        raise ValidationError(str(error)) from error
    _check_alarms(backend, read)
    if read.auto_rollback:
        obstacle = _obstacle_to_rollback(backend, group, desired)
        if obstacle:
            raise ValidationError(f"AutoRollback cannot be used: {obstacle}")
    with world_lock:
        if group.status:
            raise ValidationError(f"AutoScalingGroup {group_name} is being deleted.")
        if backend.active_refresh(group_name):
            raise AutoscalingClientError(
                "InstanceRefreshInProgress",
                "An Instance Refresh is already in progress and blocks the execution of this Instance "
                "Refresh.",
            )
        refresh = Refresh(
            refresh_id=str(uuid.uuid4()),
            group_name=group_name,
            preferences=read,
            started_at=time.time(),
            desired=desired,
            previous=group.saved_template,
            failure_seconds=float(os.environ.get(FAILURE_SECONDS_VARIABLE, DEFAULT_FAILURE_SECONDS)),
            to_update=len(group.states),
        )
        backend.save_refresh(refresh)
        backend.changed(group)
    return refresh.refresh_id


def cancel_refresh(backend: LocalAutoScalingBackend, group_name: str, *, waits: bool) -> str:
    """Cancel the refresh or rollback that is under way; nothing that it did is undone."""
    group = backend.local_group(group_name)
    with world_lock:
        refresh = _require_active(backend, group_name)
        if waits:
            backend.save_refresh(replace(refresh, status=Status.CANCELLING, paused_until=0.0))
        else:
            backend.save_refresh(end(refresh, Status.CANCELLED, time.time(), "Cancelled by user."))
        backend.changed(group)
    return refresh.refresh_id


def roll_back_refresh(backend: LocalAutoScalingBackend, group_name: str) -> str:
    """Begin to replace what the refresh under way has deployed."""
    group = backend.local_group(group_name)
    with world_lock:
        refresh = _require_active(backend, group_name)
        if refresh.status not in CAN_ROLL_BACK:
            raise _no_active(group_name)
        obstacle = _obstacle_to_rollback(backend, group, refresh.desired)
        if obstacle:
            raise AutoscalingClientError(
                "IrreversibleInstanceRefresh", f"The instance refresh cannot be rolled back: {obstacle}"
            )
        backend.save_refresh(
            begin_rollback(refresh, time.time(), "A manual rollback was initiated by a user.")
        )
        backend.changed(group)
    return refresh.refresh_id


def describe_refreshes(
    backend: LocalAutoScalingBackend,
    group_name: str,
    *,
    ids: Sequence[str],
    token: str | None,
    most: int | None,
) -> dict[str, Any]:
    """The refreshes of a group, newest first, in pages of 50 unless asked otherwise, of 100 at most."""
    backend.local_group(group_name)
    if most is not None and not 1 <= most <= 100:
        raise ValidationError(f"MaxRecords must be between 1 and 100 ({most}).")
    known = [r for r in reversed(backend.refreshes.get(group_name, [])) if not ids or r.refresh_id in ids]
    first = 0
    if token:
        places = [index for index, refresh in enumerate(known) if refresh.refresh_id == token]
        if not places:
            raise AutoscalingClientError("InvalidNextToken", f"The NextToken value is not valid ({token}).")
        first = places[0]
    last = first + (most or 50)
    answer: dict[str, Any] = {"InstanceRefreshes": [as_answer(refresh) for refresh in known[first:last]]}
    if last < len(known):
        answer["NextToken"] = known[last].refresh_id
    return answer


def _read_desired(backend: LocalAutoScalingBackend, configuration: Mapping[str, Any]) -> Template | None:
    if configuration.get("MixedInstancesPolicy"):
        raise ValidationError("DesiredConfiguration.MixedInstancesPolicy is not served by the local AWS.")
    specification = configuration.get("LaunchTemplate")
    return backend.read_template(dict(specification)) if specification else None


def _check_alarms(backend: LocalAutoScalingBackend, preferences: Preferences) -> None:
    """Every alarm must be there and OK (user guide, "Undo changes with a manual or auto rollback")."""
    known = cloudwatch_backends[backend.account_id][backend.region_name].alarms
    for name in preferences.alarms:
        if name not in known:
            raise ValidationError(f"The CloudWatch alarm {name} was not found.")
        if known[name].state_value != "OK":
            raise ValidationError(
                f"The CloudWatch alarm {name} is in the {known[name].state_value} state. An instance refresh "
                "can be started when it is in the OK state."
            )


def _obstacle_to_rollback(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, desired: Template | None
) -> str:
    """Why there is no way back, in the three cases that RollbackInstanceRefresh documents; else empty."""
    saved = group.saved_template
    if desired is None:
        return "There is no desired configuration specified for the instance refresh."
    if not saved.is_numbered:
        return f"The Auto Scaling group uses the launch template's {saved.version} version."
    version = backend.ec2_backend.get_launch_template(saved.template_id).get_version(saved.version)
    if version.image_id.startswith("resolve:ssm:"):
        return "The launch template uses an AWS Systems Manager parameter instead of an AMI ID."
    return ""


def _require_active(backend: LocalAutoScalingBackend, group_name: str) -> Refresh:
    refresh = backend.active_refresh(group_name)
    if refresh is None:
        raise _no_active(group_name)
    return refresh


def _no_active(group_name: str) -> AutoscalingClientError:
    return AutoscalingClientError(
        "ActiveInstanceRefreshNotFound",
        f"No in progress or pending Instance Refresh found for Auto Scaling group {group_name}",
    )
