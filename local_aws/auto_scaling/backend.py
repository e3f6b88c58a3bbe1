"""moto's Auto Scaling backend with a keeper behind it: every action records a wish and wakes the keeper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import moto.autoscaling.urls
from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.core.exceptions import ServiceException

from local_aws.auto_scaling.activities import MOST_KEPT, ScalingActivity
from local_aws.auto_scaling.group import LocalAutoScalingGroup, LocalInstanceState
from local_aws.auto_scaling.launching import resolve_template
from local_aws.auto_scaling.refresh import Refresh
from local_aws.auto_scaling.values import Template
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
