"""The thread that keeps groups as they should be: it sees, lets decide.py decide, and does.

Other parts' backends are called without world_lock, which they take themselves; our own records change
under it. A decision is dropped when an API call changed the group in the meantime.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from moto.autoscaling.models import autoscaling_backends
from moto.cloudwatch.models import cloudwatch_backends

from local_aws.auto_scaling import doing
from local_aws.auto_scaling.backend import LocalAutoScalingBackend
from local_aws.auto_scaling.decide import decide
from local_aws.auto_scaling.group import LocalAutoScalingGroup, LocalInstanceState
from local_aws.auto_scaling.launching import resolve_template
from local_aws.auto_scaling.refresh import Refresh, Status
from local_aws.auto_scaling.targets import (
    draining_limit_seconds,
    existing_target_groups,
    read_target_health,
)
from local_aws.auto_scaling.values import Group, Lifecycle, Member, TargetHealth, Template
from local_aws.home import world_lock

log = logging.getLogger(__name__)
TICK_SECONDS = 0.25


class Keeper:
    """Looks after every group of every account and region."""

    def __init__(self, *, tick_seconds: float = TICK_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self._tick_seconds = tick_seconds
        self._clock = clock
        self._woken = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin looking."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="auto-scaling-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the group it is at."""
        self._stopping = True
        self._woken.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping:
            self.tick()
            self._woken.wait(self._tick_seconds)
            self._woken.clear()

    def tick(self) -> None:
        """Look after each group once; trouble with one is logged and does not stop the others."""
        for backend in _backends():
            for name in list(backend.autoscaling_groups):
                if self._stopping:
                    return
                try:
                    group = backend.autoscaling_groups.get(name)
                    if isinstance(group, LocalAutoScalingGroup):
                        keep(backend, group, self._clock())
                except Exception:
                    log.exception(
                        "Auto Scaling group %s: this look at it failed; the next one tries again", name
                    )


def keep(backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, now: float) -> None:
    """See *group*, decide, and do."""
    with world_lock:
        revision = group.revision
        refresh = backend.active_refresh(group.name)
    seen = see(backend, group, refresh, now)
    decision = decide(seen, refresh)
    with world_lock:
        if group.revision != revision:
            return
        if decision.refresh and decision.refresh is not refresh:
            finish_refresh(backend, group, decision.refresh)
        if len(seen.live) == seen.desired:
            group.request_cause = ""
    doing.do(backend, group, decision.actions, now)


def finish_refresh(backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, refresh: Refresh) -> None:
    """Remember *refresh*; the group takes over the desired configuration only when it succeeded
    (API reference, StartInstanceRefresh.DesiredConfiguration)."""
    backend.save_refresh(refresh)
    if refresh.status is Status.SUCCESSFUL and refresh.desired:
        group.save_template(refresh.desired)


def see(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, refresh: Refresh | None, now: float
) -> Group:
    """*group* as values."""
    states = group.states
    arns = existing_target_groups(backend.elbv2_backend, group.target_group_arns)
    leaving = [state.instance_id for state in states if state.lifecycle_state == Lifecycle.TERMINATING]
    health = read_target_health(backend.elbv2_backend, arns, leaving) if states else {}
    policies = group.termination_policies or ["Default"]
    template = _template_now(backend, group, refresh)
    # A failure says nothing of another template: after a rollback the old one is launched at once.
    has_failed = group.failed_template == template
    return Group(
        name=group.name,
        desired=int(group.desired_capacity or 0),
        now=now,
        template=template,
        subnets=group.subnet_ids() or ("",),
        members=tuple(_see_member(state, health.get(state.instance_id, ())) for state in states),
        target_groups=arns,
        checks_load_balancer=group.health_check_type == "ELB",
        grace_seconds=float(group.health_check_grace_period or 0),
        draining_limit_seconds=draining_limit_seconds(backend.elbv2_backend, arns),
        termination_policy=policies[0],
        suspended=frozenset(process["ProcessName"] for process in group.suspended_processes),
        is_deleting=group.status is not None,
        launch_not_before=group.launch_not_before if has_failed else 0.0,
        last_launch_error=group.last_launch_error if has_failed else "",
        alarms_ringing=_ringing(backend, refresh) if refresh else (),
        request_cause=group.request_cause,
    )


def _see_member(state: LocalInstanceState, targets: tuple[TargetHealth, ...]) -> Member:
    instance = state.instance
    return Member(
        instance_id=state.instance_id,
        lifecycle=Lifecycle(state.lifecycle_state),
        ec2_state=instance.state,
        ec2_reason=instance.state_reason.message if instance.state_reason else "",
        subnet=state.subnet,
        template=state.template,
        targets=targets,
        registered=state.registered,
        concern=state.concern,
        protected=bool(state.protected_from_scale_in),
        launched_at=state.launched_at,
        in_service_at=state.in_service_at,
        terminating_at=state.terminating_at,
        is_termination_requested=state.is_termination_requested,
        launched_for=state.launched_for,
    )


def _template_now(
    backend: LocalAutoScalingBackend, group: LocalAutoScalingGroup, refresh: Refresh | None
) -> Template:
    """What a new instance is launched from: a refresh under way decides, also for a scale-out in between
    (user guide, "How an instance refresh works": the desired configuration)."""
    template = group.saved_template
    if refresh and refresh.is_rolling_back:
        template = refresh.previous or template
    elif refresh and refresh.status is not Status.CANCELLING:
        template = refresh.desired or template
    try:
        return resolve_template(backend.ec2_backend, template)
    except Exception as error:
        # The template or version was deleted: launching says so in a failed activity.
        log.debug("Auto Scaling group %s: %s", group.name, error)
        return template


def _ringing(backend: LocalAutoScalingBackend, refresh: Refresh) -> tuple[str, ...]:
    alarms = cloudwatch_backends[backend.account_id][backend.region_name].alarms
    return tuple(
        name for name in refresh.preferences.alarms if name in alarms and alarms[name].state_value == "ALARM"
    )


def _backends() -> Iterator[LocalAutoScalingBackend]:
    for _, _, backend in list(autoscaling_backends.iter_backends()):
        if isinstance(backend, LocalAutoScalingBackend):
            yield backend
