"""The plain values that decisions are made from: a group and its instances as seen at one moment.

Nothing here knows moto. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DEAD_EC2_STATES = frozenset({"stopping", "stopped", "shutting-down", "terminated"})


class Lifecycle(StrEnum):
    """The lifecycle states in use; AWS has more, for hooks and warm pools
    (user guide, "Amazon EC2 Auto Scaling instance lifecycle")."""

    PENDING = "Pending"
    IN_SERVICE = "InService"
    STANDBY = "Standby"
    TERMINATING = "Terminating"


class Concern(StrEnum):
    """Who found an instance unhealthy."""

    NONE = ""
    EC2 = "EC2"
    ELB = "ELB"
    USER = "user"


@dataclass(frozen=True, kw_only=True)
class Template:
    """One version of a launch template; version is a number, or a group's "$Latest" or "$Default"."""

    template_id: str
    template_name: str
    version: str

    @property
    def is_numbered(self) -> bool:
        """Whether the version cannot come to mean something else later."""
        return self.version.isdigit()


@dataclass(frozen=True, kw_only=True)
class TargetHealth:
    """What one target group says of one instance (API reference of Elastic Load Balancing, TargetHealth)."""

    target_group: str
    state: str
    reason: str = ""
    description: str = ""

    @property
    def is_checked(self) -> bool:
        """Whether any load balancer uses the target group, so that a verdict will come."""
        return self.reason != "Target.NotInUse"

    def __str__(self) -> str:
        told = ": ".join(part for part in (self.reason, self.description) if part)
        return f"{self.state} ({told})" if told else self.state


@dataclass(frozen=True, kw_only=True)
class Member:
    """One instance of a group. launched_for is the refresh (or its rollback) that it was launched by."""

    instance_id: str
    lifecycle: Lifecycle
    ec2_state: str
    subnet: str = ""
    template: Template | None = None
    ec2_reason: str = ""
    targets: tuple[TargetHealth, ...] = ()
    registered: frozenset[str] = frozenset()
    concern: Concern = Concern.NONE
    protected: bool = False
    launched_at: float = 0.0
    in_service_at: float = 0.0
    terminating_at: float = 0.0
    is_termination_requested: bool = False
    launched_for: str = ""

    @property
    def is_live(self) -> bool:
        """Whether it counts towards the group's capacity."""
        return self.lifecycle in (Lifecycle.PENDING, Lifecycle.IN_SERVICE)


@dataclass(frozen=True, kw_only=True)
class Group:
    """An Auto Scaling group. template is what a new instance is launched from, with its number resolved."""

    name: str
    desired: int
    now: float
    template: Template
    subnets: tuple[str, ...] = ("",)
    members: tuple[Member, ...] = ()
    target_groups: tuple[str, ...] = ()
    checks_load_balancer: bool = False
    grace_seconds: float = 0.0
    draining_limit_seconds: float = 300.0
    termination_policy: str = "Default"
    suspended: frozenset[str] = frozenset()
    is_deleting: bool = False
    launch_not_before: float = 0.0
    last_launch_error: str = ""
    alarms_ringing: tuple[str, ...] = ()
    request_cause: str = ""

    @property
    def live(self) -> tuple[Member, ...]:
        """The members that count towards capacity."""
        return tuple(member for member in self.members if member.is_live)


@dataclass(frozen=True, kw_only=True)
class EnterService:
    """Pending -> InService."""

    instance_id: str


@dataclass(frozen=True, kw_only=True)
class SetTargets:
    """Register with and deregister from target groups, so that they are the group's."""

    instance_id: str
    register: frozenset[str] = frozenset()
    deregister: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class BeginTermination:
    """Take out of service: deregister, let connections drain."""

    instance_id: str
    cause: str
    concern: Concern = Concern.NONE
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Terminate:
    """Drained: terminate the EC2 instance."""

    instance_id: str


@dataclass(frozen=True, kw_only=True)
class Forget:
    """Terminated: the group no longer has it."""

    instance_id: str


@dataclass(frozen=True, kw_only=True)
class MarkUnhealthy:
    """Show it as Unhealthy without replacing it (ReplaceUnhealthy is suspended)."""

    instance_id: str
    concern: Concern


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Start one instance for each subnet named; a subnet is named as often as it gets instances."""

    subnets: tuple[str, ...]
    template: Template
    cause: str
    launched_for: str = ""


@dataclass(frozen=True, kw_only=True)
class DeleteGroup:
    """The group is empty and was to be deleted."""


Action = (
    EnterService | SetTargets | BeginTermination | Terminate | Forget | MarkUnhealthy | Launch | DeleteGroup
)
