"""Carrying out what was decided for a group: thin, one function for each action."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from moto.core.exceptions import ServiceException

from local_aws.auto_scaling import targets
from local_aws.auto_scaling.activities import ScalingActivity
from local_aws.auto_scaling.backend import LocalAutoScalingBackend
from local_aws.auto_scaling.group import LocalAutoScalingGroup, LocalInstanceState
from local_aws.auto_scaling.joining import describe_details, launch
from local_aws.auto_scaling.values import (
    Action,
    BeginTermination,
    Concern,
    DeleteGroup,
    EnterService,
    Forget,
    Launch,
    Lifecycle,
    MarkUnhealthy,
    SetTargets,
    Terminate,
)
from local_aws.home import world_lock

log = logging.getLogger(__name__)


def do(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, actions: Sequence[Action], now: float
) -> None:
    """Do *actions*; targets are set with one call for each target group, however many instances."""
    states = {state.instance_id: state for state in group.states}
    changes: list[tuple[LocalInstanceState, SetTargets]] = []
    doomed: list[LocalInstanceState] = []
    gone: list[LocalInstanceState] = []
    for action in actions:
        if isinstance(action, Launch):
            continue
        if isinstance(action, DeleteGroup):
            with world_lock:
                backend.remove_group(group)
            return
        state = states.get(action.instance_id)
        if state is None:
            continue
        match action:
            case EnterService():
                _enter_service(state, now)
            case MarkUnhealthy(concern=concern):
                with world_lock:
                    state.judge(concern)
            case SetTargets():
                changes.append((state, action))
            case BeginTermination(cause=cause, concern=concern, detail=detail):
                begin_termination(backend, group, state, cause=cause, now=now, concern=concern, detail=detail)
                changes.append(
                    (state, SetTargets(instance_id=state.instance_id, deregister=state.registered))
                )
            case Terminate():
                doomed.append(state)
            case Forget():
                gone.append(state)
    _set_targets(backend, changes)
    _terminate(backend, doomed)
    _forget(group, gone, now)
    for action in actions:
        if isinstance(action, Launch):
            launch(backend, group, action, now)


def begin_termination(
    backend: LocalAutoScalingBackend,
    group: LocalAutoScalingGroup,
    state: LocalInstanceState,
    *,
    cause: str,
    now: float,
    concern: Concern = Concern.NONE,
    detail: str = "",
) -> ScalingActivity:
    """Show the instance as Terminating and begin its activity; the keeper drains and ends it."""
    with world_lock:
        if state.lifecycle_state == Lifecycle.PENDING and state.activity:
            state.activity.fail(
                now,
                "Instance became unhealthy while waiting for instance to be in InService state. "
                f"Termination Reason: {detail or cause}",
            )
        if concern is not Concern.NONE:
            state.judge(concern)
        state.show(Lifecycle.TERMINATING)
        state.terminating_at = now
        state.activity = backend.note(
            group,
            description=f"Terminating EC2 instance: {state.instance_id}"
            + (" - Waiting For ELB connection draining." if state.registered else ""),
            cause=cause,
            status_code="WaitingForELBConnectionDraining" if state.registered else "InProgress",
            progress=50 if state.registered else 60,
            now=now,
            details=describe_details(state.subnet, state.availability_zone or "", detail),
        )
        return state.activity


def _enter_service(state: LocalInstanceState, now: float) -> None:
    with world_lock:
        state.show(Lifecycle.IN_SERVICE)
        state.in_service_at = now
        if state.activity:
            state.activity.succeed(now)


def _set_targets(
    backend: LocalAutoScalingBackend, changes: Sequence[tuple[LocalInstanceState, SetTargets]]
) -> None:
    register: dict[str, list[LocalInstanceState]] = defaultdict(list)
    deregister: dict[str, list[LocalInstanceState]] = defaultdict(list)
    for state, change in changes:
        for arn in change.register:
            register[arn].append(state)
        for arn in change.deregister:
            deregister[arn].append(state)
    for arn, states in deregister.items():
        targets.deregister(backend.elbv2_backend, arn, [state.instance_id for state in states])
        for state in states:
            state.registered -= {arn}
    for arn, states in register.items():
        try:
            targets.register(backend.elbv2_backend, arn, [state.instance_id for state in states])
        except ServiceException as error:
            # One that just died cannot be registered; its health check comes at the next look.
            log.warning("target group %s: %s", arn, error)
            continue
        for state in states:
            state.registered |= {arn}


def _terminate(backend: LocalAutoScalingBackend, states: Sequence[LocalInstanceState]) -> None:
    if not states:
        return
    for state in states:
        # A group ends its instances whatever their termination protection says (EC2 user guide,
        # "Change instance termination protection").
        state.instance.disable_api_termination = False
    backend.ec2_backend.terminate_instances([state.instance_id for state in states])
    for state in states:
        state.is_termination_requested = True
        if state.activity and not state.activity.ended_at:
            state.activity.status_code, state.activity.progress = "InProgress", 75


def _forget(group: LocalAutoScalingGroup, states: Sequence[LocalInstanceState], now: float) -> None:
    if not states:
        return
    gone = {state.instance_id for state in states}
    with world_lock:
        for state in states:
            if state.activity:
                state.activity.description = f"Terminating EC2 instance: {state.instance_id}"
                state.activity.succeed(now)
        group.instance_states = [state for state in group.states if state.instance_id not in gone]
