"""What the load balancers of a local AWS are to do, in plain values: no moto, no haproxy."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How a target group asks its targets whether they are well."""

    path: str
    port: int | None  # None is AWS's traffic-port
    interval_seconds: int
    timeout_seconds: int
    healthy_threshold: int
    unhealthy_threshold: int
    codes: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """An instance registered with a target group."""

    instance_id: str
    address: str | None
    port: int
    is_running: bool

    @property
    def server(self) -> str:
        """The name of its server in haproxy; health checks send it as Host, as AWS sends address and port."""
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    """A target group that a listener forwards to."""

    arn: str
    name: str
    algorithm: str
    deregistration_delay_seconds: int
    slow_start_seconds: int
    idle_timeout_seconds: int
    health_check: HealthCheck
    targets: tuple[Target, ...]

    @property
    def fail_open_name(self) -> str:
        """The backend that takes the requests while no target is healthy."""
        return f"{self.name}.fail-open"


@dataclass(frozen=True, kw_only=True)
class WeightedGroup:
    """One of the target groups of a forward action."""

    name: str
    weight: int


@dataclass(frozen=True, kw_only=True)
class Forward:
    """The action that hands a request to a target group."""

    groups: tuple[WeightedGroup, ...]


@dataclass(frozen=True, kw_only=True)
class FixedResponse:
    """The action that answers by itself."""

    status: int
    content_type: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A port of a load balancer and what happens to its requests."""

    name: str
    load_balancer: str
    address: str
    port: int
    idle_timeout_seconds: int
    action: Forward | FixedResponse


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Every listener, and every target group that one of them forwards to."""

    listeners: tuple[Listener, ...] = ()
    groups: tuple[TargetGroup, ...] = ()

    @property
    def endpoints(self) -> frozenset[tuple[str, int]]:
        """Each address and port that must be listened on."""
        return frozenset((listener.address, listener.port) for listener in self.listeners)

    def shape(self) -> Configuration:
        """This configuration without what can change while haproxy runs: equal shapes need no new process."""
        fixed = (
            replace(group, targets=(), deregistration_delay_seconds=0, slow_start_seconds=0)
            for group in self.groups
        )
        return replace(self, groups=tuple(fixed))
