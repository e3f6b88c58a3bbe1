"""moto's Auto Scaling backend with a keeper behind it: every action records a wish and wakes the keeper."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import moto.autoscaling.urls
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.core.exceptions import ServiceException

from local_aws.auto_scaling import wording
from local_aws.auto_scaling.activities import MOST_KEPT, ScalingActivity
from local_aws.auto_scaling.group import LocalAutoScalingGroup, LocalInstanceState
from local_aws.auto_scaling.launching import resolve_template
from local_aws.auto_scaling.placement import TERMINATION_POLICIES
from local_aws.auto_scaling.refresh import Refresh
from local_aws.auto_scaling.values import Concern, Lifecycle, Template
from local_aws.home import world_lock


class LocalAutoScalingBackend(AutoScalingBackend):
    """The groups of one account and region."""

    wake: ClassVar[Callable[[], None]] = staticmethod(lambda: None)
    """Makes the keeper look now instead of at its next tick; set by install."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.activities: list[ScalingActivity] = []
        self.refreshes: dict[str, list[Refresh]] = {}

    @property
    def _url_module(self) -> Any:
        # moto derives it from the class's own module.
        return moto.autoscaling.urls

    def local_group(self, name: str) -> LocalAutoScalingGroup:
        """The group *name*; AWS's error when there is none."""
        group = self.autoscaling_groups.get(name)
        if not isinstance(group, LocalAutoScalingGroup):
            raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        return group

    def find_instance(self, instance_id: str) -> tuple[LocalAutoScalingGroup, LocalInstanceState]:
        """The instance and its group; AWS's error when no group has it."""
        for name in list(self.autoscaling_groups):
            group = self.local_group(name)
            state = group.find_state(instance_id)
            if state:
                return group, state
        raise ValidationError(
            f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
        )

    def active_refresh(self, group_name: str) -> Refresh | None:
        """The refresh that is under way; there is at most one."""
        latest = self.refreshes.get(group_name, [])
        return latest[-1] if latest and latest[-1].is_active else None

    def save_refresh(self, refresh: Refresh) -> None:
        """Remember *refresh* in place of what was known of it."""
        known = self.refreshes.setdefault(refresh.group_name, [])
        if known and known[-1].refresh_id == refresh.refresh_id:
            known[-1] = refresh
        else:
            known.append(refresh)

    def changed(self, group: LocalAutoScalingGroup) -> None:
        """What the keeper has seen of *group* is out of date."""
        group.revision += 1
        type(self).wake()

    def note(
        self,
        group: LocalAutoScalingGroup,
        *,
        description: str,
        cause: str,
        status_code: str,
        progress: int,
        now: float,
        details: str = "",
    ) -> ScalingActivity:
        """Begin a scaling activity of *group*."""
        activity = ScalingActivity(
            group_name=group.name,
            group_arn=group.arn,
            description=description,
            cause=cause,
            started_at=now,
            status_code=status_code,
            progress=progress,
            details=details,
        )
        self.activities.append(activity)
        if len(self.activities) > MOST_KEPT:
            del self.activities[: len(self.activities) - MOST_KEPT]
        return activity

    def create_auto_scaling_group(self, **kwargs: Any) -> FakeAutoScalingGroup:  # type: ignore[override]
        """Record the group; the keeper launches its instances."""
        name = kwargs["name"]
        if name in self.autoscaling_groups:
            raise AutoscalingClientError(
                "AlreadyExists",
                f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
            )
        self.check_policies(kwargs.get("termination_policies") or [])
        smallest, largest = int(kwargs["min_size"] or 0), int(kwargs["max_size"] or 0)
        wanted = kwargs.get("desired_capacity")
        desired = smallest if wanted is None else int(wanted)
        _check_capacity(desired, smallest, largest)
        if not kwargs.get("launch_template"):
            raise ValidationError(
                "Valid requests must contain LaunchTemplate: the local AWS serves no other."
            )
        self.read_template(kwargs["launch_template"])
        kwargs.pop("instance_id", None)
        kwargs["health_check_period"] = int(kwargs.get("health_check_period") or 0)
        kwargs["min_size"], kwargs["max_size"], kwargs["desired_capacity"] = smallest, largest, desired
        with world_lock:
            group = LocalAutoScalingGroup(  # type: ignore[abstract]
                autoscaling_backend=self, ec2_backend=self.ec2_backend, **kwargs
            )
            group.request_cause = wording.group_created(time.time(), desired)
            self.autoscaling_groups[name] = group
            self.changed(group)
        return group

    def update_auto_scaling_group(self, name: str, **kwargs: Any) -> FakeAutoScalingGroup:  # type: ignore[override]
        """Record the change; running instances keep the version that they were launched from."""
        group = self.local_group(name)
        if kwargs.get("launch_template"):
            active = self.active_refresh(name)
            if active and active.desired:
                raise ValidationError(
                    "An active instance refresh with a desired configuration exists. All configuration "
                    "options derived from the desired configuration are not available for update while the "
                    "instance refresh is active."
                )
            self.read_template(kwargs["launch_template"])
        smallest = group.min_size if kwargs.get("min_size") is None else int(kwargs["min_size"])
        largest = group.max_size if kwargs.get("max_size") is None else int(kwargs["max_size"])
        before = int(group.desired_capacity or 0)
        wanted = kwargs.get("desired_capacity")
        after = min(max(before, smallest or 0), largest or 0) if wanted is None else int(wanted)
        _check_capacity(after, smallest or 0, largest or 0)
        with world_lock:
            kwargs["desired_capacity"] = after
            super().update_auto_scaling_group(name, **kwargs)
            if after != before:
                group.request_cause = wording.constraints_updated(
                    time.time(), smallest=smallest or 0, largest=largest or 0, before=before, after=after
                )
            self.changed(group)
        return group

    def set_desired_capacity(self, group_name: str, desired_capacity: int | None) -> None:
        """Record the wish."""
        group = self.local_group(group_name)
        before, after = int(group.desired_capacity or 0), int(desired_capacity or 0)
        if after > (group.max_size or 0):
            raise ValidationError(
                f"New SetDesiredCapacity value {after} is above max value {group.max_size} "
                "for the AutoScalingGroup."
            )
        if after < (group.min_size or 0):
            raise ValidationError(
                f"New SetDesiredCapacity value {after} is below min value {group.min_size} "
                "for the AutoScalingGroup."
            )
        with world_lock:
            group.set_desired_capacity(after)
            group.request_cause = wording.capacity_set(time.time(), before, after)
            self.changed(group)

    def delete_auto_scaling_group(self, group_name: str, *, force: bool = False) -> None:
        """Delete the group, with force together with its instances (API: DeleteAutoScalingGroup)."""
        group = self.local_group(group_name)
        if group.states and not force:
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance "
                "request(s) still in the group.",
            )
        with world_lock:
            group.status = "Delete in progress"
            group.min_size = group.desired_capacity = 0
            if not group.states:
                self.remove_group(group)
            self.changed(group)

    def remove_group(self, group: LocalAutoScalingGroup) -> None:
        """The group is gone; its activities are remembered as those of a deleted group."""
        self.autoscaling_groups.pop(group.name, None)
        self.refreshes.pop(group.name, None)
        owned = [name for name, own in self.policies.items() if own.auto_scaling_group_name == group.name]
        for name in owned:
            self.policies.pop(name)
        for activity in self.activities:
            if activity.group_arn == group.arn:
                activity.is_of_deleted_group = True

    def read_template(self, specification: dict[str, Any]) -> Template:
        """The Template of a LaunchTemplateSpecification; AWS's error when there is no such version."""
        identity, name = specification.get("LaunchTemplateId"), specification.get("LaunchTemplateName")
        if bool(identity) == bool(name):
            raise ValidationError("Valid requests must contain either launchTemplateId or LaunchTemplateName")
        version = str(specification.get("Version") or "$Default")
        try:
            found = (
                self.ec2_backend.get_launch_template(identity)
                if identity
                else self.ec2_backend.get_launch_template_by_name(str(name))
            )
            template = Template(template_id=found.id, template_name=found.name, version=version)
            resolve_template(self.ec2_backend, template)
        except (ServiceException, ValueError) as error:
            raise ValidationError(
                f"You must use a valid fully-formed launch template. {getattr(error, 'message', error)}"
            ) from error
        return template

    def check_policies(self, policies: list[str]) -> list[str]:
        """*policies*, if they are served."""
        unknown = [policy for policy in policies if policy not in TERMINATION_POLICIES]
        if unknown or len(policies) > 1:
            raise ValidationError(
                f"TerminationPolicies {policies} are not served by the local AWS; "
                f"give one of {sorted(TERMINATION_POLICIES)}."
            )
        return policies

    # What follows is moto's doing that is the keeper's here.

    def update_attached_elbs(self, group_name: str) -> None:
        """Nothing: classic load balancers are refused."""

    def update_attached_target_groups(self, group_name: str) -> None:
        """Wake the keeper, which registers and deregisters."""
        group = self.autoscaling_groups.get(group_name)
        if isinstance(group, LocalAutoScalingGroup):
            self.changed(group)

    def detach_load_balancer_target_groups(self, group_name: str, target_group_arns: list[str]) -> None:
        """Record it; the keeper deregisters."""
        group = self.local_group(group_name)
        with world_lock:
            group.target_group_arns = [arn for arn in group.target_group_arns if arn not in target_group_arns]
            self.changed(group)

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:  # noqa: ARG002
        """Somebody terminated instances by EC2's API: the keeper's health check finds out."""
        type(self).wake()

    def set_instance_health(
        self, instance_id: str, health_status: str, *, respect_grace_period: bool = True
    ) -> None:
        """Take the caller's word (API reference, SetInstanceHealth)."""
        group, state = self.find_instance(instance_id)
        grace = float(group.health_check_grace_period or 0)
        is_young = not state.in_service_at or time.time() - state.in_service_at < grace
        if health_status == "Unhealthy" and respect_grace_period and is_young and grace:
            return
        with world_lock:
            if state.lifecycle_state != Lifecycle.TERMINATING:
                state.judge(Concern.NONE if health_status == "Healthy" else Concern.USER)
                self.changed(group)


def _check_capacity(desired: int, smallest: int, largest: int) -> None:
    if smallest > largest:
        raise ValidationError(f"Max bound, {largest}, must be greater than or equal to min bound, {smallest}")
    if not smallest <= desired <= largest:
        raise ValidationError(
            f"Desired capacity:{desired} must be between the specified min size:{smallest} "
            f"and max size:{largest}"
        )
