"""What a user asks of a group: create, update, scale, delete. Each records a wish and wakes the keeper."""

from __future__ import annotations

import time
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import FakeAutoScalingGroup

from local_aws.auto_scaling import wording
from local_aws.auto_scaling.backend import LocalAutoScalingBackend
from local_aws.auto_scaling.group import LocalAutoScalingGroup
from local_aws.auto_scaling.placement import TERMINATION_POLICIES
from local_aws.auto_scaling.values import Concern, Lifecycle
from local_aws.home import world_lock


class GroupBackend(LocalAutoScalingBackend):
    """The actions of a backend on its groups."""

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
            # With a capacity still to be reached an instance may be launching: then the keeper removes it.
            is_idle = not group.states and not group.desired_capacity
            group.status = "Delete in progress"
            group.min_size = group.desired_capacity = 0
            if is_idle:
                self.remove_group(group)
            self.changed(group)

    def check_policies(self, policies: list[str]) -> list[str]:
        """*policies*, if they are served."""
        unknown = [policy for policy in policies if policy not in TERMINATION_POLICIES]
        if unknown or len(policies) > 1:
            raise ValidationError(
                f"TerminationPolicies {policies} are not served by the local AWS; "
                f"give one of {sorted(TERMINATION_POLICIES)}."
            )
        return policies

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
