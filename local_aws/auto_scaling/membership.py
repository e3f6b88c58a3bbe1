"""Instances that a user moves by hand: attach, detach, standby, terminate."""

from __future__ import annotations

import time
from typing import Any

from moto.autoscaling.exceptions import ResourceContentionError, ValidationError
from moto.autoscaling.models import ASG_NAME_TAG

from local_aws.auto_scaling import wording
from local_aws.auto_scaling.activities import ScalingActivity
from local_aws.auto_scaling.doing import begin_termination
from local_aws.auto_scaling.group import LocalAutoScalingGroup, LocalInstanceState
from local_aws.auto_scaling.group_actions import GroupBackend
from local_aws.auto_scaling.targets import deregister
from local_aws.auto_scaling.values import Lifecycle
from local_aws.home import world_lock


class MembershipBackend(GroupBackend):
    """The actions of a backend that change which instances a group has."""

    def terminate_instance(self, instance_id: str, should_decrement: bool) -> Any:
        """Take the instance out of service; the keeper drains, terminates and, unless decremented, replaces
        it (API reference, TerminateInstanceInAutoScalingGroup)."""
        group, state = self.find_instance(instance_id)
        with world_lock:
            before = int(group.desired_capacity or 0)
            after = self._decrement(group, 1) if should_decrement else before
            cause = wording.taken_out_by_user(time.time(), instance_id, before, after)
            activity = begin_termination(self, group, state, cause=cause, now=time.time())
            self.changed(group)
        return activity.as_answer()

    def attach_instances(self, group_name: str, instance_ids: list[str]) -> None:
        """Make running instances members; the desired capacity grows with them (API: AttachInstances)."""
        group = self.local_group(group_name)
        after = int(group.desired_capacity or 0) + len(instance_ids)
        if after > (group.max_size or 0):
            raise ResourceContentionError
        with world_lock:
            for instance_id in instance_ids:
                instance = self.ec2_backend.get_instance(instance_id)
                state = LocalInstanceState(instance, group, now=time.time(), template=None)
                state.subnet = instance.subnet_id or ""
                group.instance_states = [*group.instance_states, state]
            group.desired_capacity = after
            self.changed(group)
        for instance_id in instance_ids:
            self.ec2_backend.create_tags([instance_id], {ASG_NAME_TAG: group.name})

    def detach_instances(self, group_name: str, instance_ids: list[str], should_decrement: bool) -> Any:
        """Let instances go without ending them (API reference, DetachInstances)."""
        group, states, activities = self._leave(
            group_name, instance_ids, should_decrement, "detached", "Detaching"
        )
        with world_lock:
            group.instance_states = [state for state in group.states if state not in states]
            self.changed(group)
        for state in states:
            for arn in state.registered:
                deregister(self.elbv2_backend, arn, [state.instance_id])
            self.ec2_backend.delete_tags([state.instance_id], {ASG_NAME_TAG: group.name})
        return [activity.as_answer() for activity in activities]

    def enter_standby_instances(
        self, group_name: str, instance_ids: list[str], should_decrement: bool
    ) -> Any:
        """Take instances out of service without ending them; the keeper deregisters them."""
        group, states, activities = self._leave(
            group_name, instance_ids, should_decrement, "moved to standby", "Moving to Standby"
        )
        with world_lock:
            for state in states:
                state.show(Lifecycle.STANDBY)
            self.changed(group)
        return [activity.as_answer() for activity in activities]

    def exit_standby_instances(self, group_name: str, instance_ids: list[str]) -> Any:
        """Put instances back; the keeper registers them and puts them in service."""
        group = self.local_group(group_name)
        states = self._members(group, instance_ids)
        before = int(group.desired_capacity or 0)
        if before + len(states) > (group.max_size or 0):
            raise ValidationError(
                f"Exiting Standby would exceed max-size={group.max_size} of AutoScalingGroup {group.name}."
            )
        with world_lock:
            for state in states:
                state.show(Lifecycle.PENDING)
            group.desired_capacity = before + len(states)
            self.changed(group)
        now = time.time()
        return [
            self._activity(
                group,
                f"Moving EC2 instance out of Standby: {state.instance_id}",
                f"At {wording.timestamp(now)} instance {state.instance_id} was moved out of standby in "
                f"response to a user request, increasing the capacity from {before} to "
                f"{group.desired_capacity}.",
            ).as_answer()
            for state in states
        ]

    def _leave(
        self, group_name: str, instance_ids: list[str], should_decrement: bool, verb: str, doing: str
    ) -> tuple[LocalAutoScalingGroup, list[LocalInstanceState], list[ScalingActivity]]:
        group = self.local_group(group_name)
        states = self._members(group, instance_ids)
        before = int(group.desired_capacity or 0)
        after = self._decrement(group, len(states)) if should_decrement else before
        now = wording.timestamp(time.time())
        shrinking = f", shrinking the capacity from {before} to {after}" if after < before else ""
        activities = [
            self._activity(
                group,
                f"{doing} EC2 instance: {state.instance_id}",
                f"At {now} instance {state.instance_id} was {verb} in response to a user request{shrinking}.",
            )
            for state in states
        ]
        return group, states, activities

    def _activity(self, group: LocalAutoScalingGroup, description: str, cause: str) -> ScalingActivity:
        now = time.time()
        activity = self.note(
            group, description=description, cause=cause, status_code="InProgress", progress=50, now=now
        )
        activity.succeed(now)
        return activity

    def _members(self, group: LocalAutoScalingGroup, instance_ids: list[str]) -> list[LocalInstanceState]:
        states = []
        for instance_id in instance_ids:
            state = group.find_state(instance_id)
            if state is None:
                raise ValidationError(
                    f"The instance {instance_id} is not part of Auto Scaling group {group.name}."
                )
            states.append(state)
        return states

    def _decrement(self, group: LocalAutoScalingGroup, count: int) -> int:
        after = int(group.desired_capacity or 0) - count
        if after < (group.min_size or 0):
            raise ValidationError(
                f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without "
                "replacement will violate group's min size constraint. Either set "
                "shouldDecrementDesiredCapacity flag to false or lower group's min size."
            )
        group.desired_capacity = after
        return after
