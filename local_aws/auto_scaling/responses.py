"""API actions that moto lacks or answers too little: methods for its AutoScalingResponse.

A parameter that nothing here acts on is refused, so that nobody relies on it.
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from local_aws.auto_scaling import refresh_actions
from local_aws.auto_scaling.activities import newest_first
from local_aws.auto_scaling.group_actions import GroupBackend

REFUSED_PARAMETERS = {
    "LaunchConfigurationName": "use LaunchTemplate",
    "InstanceId": "use LaunchTemplate",
    "MixedInstancesPolicy": "use LaunchTemplate",
    "InstanceMaintenancePolicy": "give the percentages to StartInstanceRefresh",
    "LoadBalancerNames": "use TargetGroupARNs",
    "TrafficSources": "use TargetGroupARNs",
    "LifecycleHookSpecificationList": "leave it out",
    "PlacementGroup": "leave it out",
    "MaxInstanceLifetime": "leave it out",
    "CapacityRebalance": "leave it out",
    "InstanceLifecyclePolicy": "leave it out",
}


class LocalActions(AutoScalingResponse):
    """The actions; install() puts them on moto's own class, which its URLs name."""

    @property
    def local_backend(self) -> GroupBackend:
        """The backend of this call's account and region."""
        backend = self.autoscaling_backend
        if not isinstance(backend, GroupBackend):
            raise TypeError(f"{type(backend).__name__}: install() was not called before the first request")
        return backend

    def create_auto_scaling_group(self) -> ActionResult:
        """CreateAutoScalingGroup."""
        self._refuse_parameters()
        answer = _MOTO["create_auto_scaling_group"](self)
        self._take_settings()
        return answer  # type: ignore[no-any-return]

    def update_auto_scaling_group(self) -> ActionResult:
        """UpdateAutoScalingGroup."""
        self._refuse_parameters()
        answer = _MOTO["update_auto_scaling_group"](self)
        self._take_settings()
        return answer  # type: ignore[no-any-return]

    def delete_auto_scaling_group(self) -> ActionResult:
        """DeleteAutoScalingGroup."""
        force = self._get_bool_param("ForceDelete", False)
        self.local_backend.delete_auto_scaling_group(self._get_param("AutoScalingGroupName"), force=force)
        return EmptyResult()

    def set_instance_health(self) -> ActionResult:
        """SetInstanceHealth."""
        status = self._get_param("HealthStatus")
        if status not in ("Healthy", "Unhealthy"):
            raise ValidationError(f"HealthStatus must be Healthy or Unhealthy ({status}).")
        self.local_backend.set_instance_health(
            self._get_param("InstanceId"),
            status,
            respect_grace_period=self._get_bool_param("ShouldRespectGracePeriod", True),
        )
        return EmptyResult()

    def describe_scaling_activities(self) -> ActionResult:
        """DescribeScalingActivities."""
        group_name = self._get_param("AutoScalingGroupName") or ""
        with_deleted = self._get_bool_param("IncludeDeletedGroups", False)
        if group_name and not with_deleted:
            self.local_backend.local_group(group_name)
        most = self._get_int_param("MaxRecords") or 100
        found = newest_first(
            list(self.local_backend.activities),
            ids=self._get_param("ActivityIds", []),
            group_name=group_name,
            with_deleted=with_deleted,
        )
        first = self._read_token(self._get_param("NextToken"))
        last = first + min(most, 100)
        answer: dict[str, Any] = {"Activities": [activity.as_answer() for activity in found[first:last]]}
        if last < len(found):
            answer["NextToken"] = str(last)
        return ActionResult(answer)

    def start_instance_refresh(self) -> ActionResult:
        """StartInstanceRefresh."""
        refresh_id = refresh_actions.start_refresh(
            self.local_backend,
            self._get_param("AutoScalingGroupName"),
            strategy=self._get_param("Strategy"),
            desired_configuration=self._get_param("DesiredConfiguration"),
            preferences=self._get_param("Preferences") or {},
        )
        return ActionResult({"InstanceRefreshId": refresh_id})

    def describe_instance_refreshes(self) -> ActionResult:
        """DescribeInstanceRefreshes."""
        answer = refresh_actions.describe_refreshes(
            self.local_backend,
            self._get_param("AutoScalingGroupName"),
            ids=self._get_param("InstanceRefreshIds", []),
            token=self._get_param("NextToken"),
            most=self._get_int_param("MaxRecords"),
        )
        return ActionResult(answer)

    def cancel_instance_refresh(self) -> ActionResult:
        """CancelInstanceRefresh."""
        refresh_id = refresh_actions.cancel_refresh(
            self.local_backend,
            self._get_param("AutoScalingGroupName"),
            waits=self._get_bool_param("WaitForTransitioningInstances", True),
        )
        return ActionResult({"InstanceRefreshId": refresh_id})

    def rollback_instance_refresh(self) -> ActionResult:
        """RollbackInstanceRefresh."""
        refresh_id = refresh_actions.roll_back_refresh(
            self.local_backend, self._get_param("AutoScalingGroupName")
        )
        return ActionResult({"InstanceRefreshId": refresh_id})

    def put_lifecycle_hook(self) -> ActionResult:
        """PutLifecycleHook, refused: a hook that nothing waits for would be a lie."""
        raise ValidationError("Lifecycle hooks are not served by the local AWS; nothing would wait for them.")

    def put_warm_pool(self) -> ActionResult:
        """PutWarmPool, refused."""
        raise ValidationError("Warm pools are not served by the local AWS.")

    def _refuse_parameters(self) -> None:
        for name, instead in REFUSED_PARAMETERS.items():
            if self._get_param(name) not in (None, [], {}, "", False, 0):
                raise ValidationError(f"{name} is not served by the local AWS; {instead}.")

    def _take_settings(self) -> None:
        """Settings that moto's own method does not pass on."""
        group = self.local_backend.local_group(self._get_param("AutoScalingGroupName"))
        warmup = self._get_int_param("DefaultInstanceWarmup")
        if warmup is not None:
            group.default_instance_warmup = None if warmup < 0 else warmup
        if self._get_int_param("DefaultCooldown") is not None:
            group.default_cooldown = self._get_int_param("DefaultCooldown")
        if self._get_param("TerminationPolicies"):
            group.termination_policies = self.local_backend.check_policies(
                self._get_param("TerminationPolicies")
            )
        self.local_backend.changed(group)

    def _read_token(self, token: str | None) -> int:
        if token and not token.isdigit():
            raise AutoscalingClientError("InvalidNextToken", f"The NextToken value is not valid ({token}).")
        return int(token or 0)


_NAMES = [name for name in vars(LocalActions) if not name.startswith("__")]
_MOTO: dict[str, Any] = {
    name: vars(AutoScalingResponse)[name] for name in _NAMES if name in vars(AutoScalingResponse)
}


def put_actions_on_moto() -> None:
    """Make moto's response class answer with the actions of LocalActions; doing it twice changes nothing."""
    for name in _NAMES:
        setattr(AutoScalingResponse, name, vars(LocalActions)[name])
