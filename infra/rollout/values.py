"""The plain values that the rollout is decided on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from infra.rollout.preferences import Preferences

RUNNING_STATUSES = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
"""The statuses of a refresh that has not ended (InstanceRefresh.Status, Auto Scaling API reference)."""

ADOPTABLE_STATUSES = frozenset({"Pending", "InProgress", "Baking"})


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the group is to arrive."""

    launch_template_id: str
    launch_template_version: str
    ami_id: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """What an AMI is called, its commit (empty where it does not say), and whether it succeeded anywhere."""

    name: str
    commit: str
    is_verified: bool = False


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One instance of the group, as Auto Scaling and EC2 see it; ami_id is None where EC2 was not asked."""

    instance_id: str
    lifecycle_state: str
    health_status: str
    launch_template_version: str | None
    launch_template_id: str | None = None
    ami_id: str | None = None
    is_protected_from_scale_in: bool = False

    @property
    def is_in_service(self) -> bool:
        """Whether it counts towards the group's capacity."""
        return self.lifecycle_state == "InService"

    @property
    def is_in_standby(self) -> bool:
        """Whether somebody took it out of service for a while."""
        return self.lifecycle_state in ("Standby", "EnteringStandby")

    @property
    def is_leaving(self) -> bool:
        """Whether it is being terminated, or taken out of the group."""
        return self.lifecycle_state.startswith(("Terminat", "Detach"))


@dataclass(frozen=True, kw_only=True)
class Group:
    """The Auto Scaling group at one moment."""

    name: str
    desired_capacity: int
    launch_template_version: str
    target_group_arns: tuple[str, ...]
    instances: tuple[Instance, ...]
    launch_template_id: str = ""

    @property
    def in_service(self) -> tuple[Instance, ...]:
        """The instances that count towards capacity."""
        return tuple(instance for instance in self.instances if instance.is_in_service)

    def launches(self, target: Target) -> bool:
        """Whether the group by itself launches *target*."""
        return (self.launch_template_id, self.launch_template_version) == (
            target.launch_template_id,
            target.launch_template_version,
        )

    def without_standby(self) -> Group:
        """The group without what somebody took out of service."""
        members = tuple(instance for instance in self.instances if not instance.is_in_standby)
        return replace(self, instances=members)


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """One instance refresh of the group."""

    refresh_id: str
    status: str
    reason: str
    percentage_complete: int
    instances_to_update: int
    launch_template_id: str | None
    launch_template_version: str | None
    rollback_reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    preferences: Preferences = field(default_factory=Preferences)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status in RUNNING_STATUSES

    def leads_to(self, target: Target) -> bool:
        """Whether its desired configuration is *target*."""
        return (self.launch_template_id, self.launch_template_version) == (
            target.launch_template_id,
            target.launch_template_version,
        )


@dataclass(frozen=True, kw_only=True)
class TargetHealth:
    """What one target group says of one instance."""

    state: str
    reason: str

    @property
    def is_healthy(self) -> bool:
        """Whether it gets requests."""
        return self.state == "healthy"

    @property
    def is_unhealthy(self) -> bool:
        """Whether it failed its health checks (TargetHealth.State, Elastic Load Balancing API reference)."""
        return self.state in ("unhealthy", "unhealthy.draining")


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The group and what its target groups say of each of its instances."""

    group: Group
    health: Mapping[str, TargetHealth] = field(default_factory=dict)

    def health_of(self, instance: Instance) -> TargetHealth:
        """The worst that any target group says; without target groups, what Auto Scaling says."""
        if not self.group.target_group_arns:
            state = "healthy" if instance.health_status == "Healthy" else "unhealthy"
            return TargetHealth(state=state, reason="")
        return self.health.get(
            instance.instance_id, TargetHealth(state="unused", reason="not registered yet")
        )
