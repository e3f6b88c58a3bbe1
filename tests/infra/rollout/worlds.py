"""Plain values for the tests of the rollout, and a group that plays a script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from infra.rollout.alarms import AlarmState
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.values import Group, Instance, Refresh, Target, TargetHealth

OLD_AMI, NEW_AMI = "ami-00000000000000001", "ami-00000000000000002"
AMIS = {"1": OLD_AMI, "2": NEW_AMI}
TARGET = Target(launch_template_id="lt-1", launch_template_version="2", ami_id=NEW_AMI)
PREFERENCES = Preferences(min_healthy_percentage=100, max_healthy_percentage=150, auto_rollback=True)
HEALTHY = TargetHealth(state="healthy", reason="")
UNHEALTHY = TargetHealth(state="unhealthy", reason="Target.FailedHealthChecks: Health checks failed")


def instance(name: str, version: str = "2", **changes: object) -> Instance:
    """A healthy instance in service on *version*."""
    values: dict[str, object] = {
        "instance_id": f"i-{name}",
        "lifecycle_state": "InService",
        "health_status": "Healthy",
        "launch_template_version": version,
        "ami_id": AMIS.get(version),
        **changes,
    }
    return Instance(**values)  # type: ignore[arg-type]


def group(*instances: Instance, version: str = "2", desired: int = 2) -> Group:
    """A group behind one target group."""
    return Group(
        name="web",
        desired_capacity=desired,
        launch_template_version=version,
        launch_template_id="lt-1",
        target_group_arns=("arn:tg",),
        instances=instances,
    )


def refresh(status: str, percentage: int = 0, **changes: object) -> Refresh:
    """A refresh to the target."""
    values: dict[str, object] = {
        "refresh_id": "r-1",
        "status": status,
        "reason": "",
        "percentage_complete": percentage,
        "instances_to_update": 2,
        "launch_template_id": "lt-1",
        "launch_template_version": "2",
        **changes,
    }
    return Refresh(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What AWS says at one time; None leaves a refresh out of its answers."""

    group: Group
    refresh: Refresh | None = None
    health: dict[str, TargetHealth] = field(default_factory=dict)
    failed_launches: dict[str, str] = field(default_factory=dict)
    consoles: dict[str, str] = field(default_factory=dict)
    alarms: tuple[AlarmState, ...] = ()


@dataclass
class ScriptedRefreshes(Refreshes):
    """AWS that shows one moment after the other, as the rollout sleeps; the last stays."""

    moments: Sequence[Moment]
    starts: Iterable[str | Exception | None] = ("r-1",)

    def __post_init__(self) -> None:
        self.seconds = 0.0
        self.sleeps: list[float] = []
        self.said: list[str] = []
        self.consoles_read: list[str] = []
        self.cancelled: list[int] = []
        self.turned_back: list[int] = []
        self.why_no_rollback: Exception | None = None
        self.fleets_described = 0
        self.started: list[tuple[Target, Preferences]] = []
        self._starts = iter(self.starts)

    @property
    def now(self) -> Moment:
        return self.moments[min(len(self.sleeps), len(self.moments) - 1)]

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds

    def find_group(self, name: str) -> Group | None:
        assert name == "web"
        return replace(
            self.now.group, instances=tuple(replace(one, ami_id=None) for one in self.now.group.instances)
        )

    def find_ami_ids(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {
            one.instance_id: one.ami_id
            for one in self.now.group.instances
            if one.ami_id and one.instance_id in instance_ids
        }

    def find_target_health(
        self, target_group_arns: Iterable[str], instance_ids: Sequence[str]
    ) -> dict[str, TargetHealth]:
        assert list(target_group_arns) == ["arn:tg"]
        self.fleets_described += 1
        return {name: self.now.health.get(name, HEALTHY) for name in instance_ids}

    def find_newest(self, group_name: str) -> Refresh | None:
        assert group_name == "web"
        return None if self.started else self.now.refresh

    def find_console(self, instance_id: str) -> str:
        self.consoles_read.append(instance_id)
        return self.now.consoles.get(instance_id, "")

    def cancel(self, group_name: str) -> str | None:
        assert group_name == "web"
        self.cancelled.append(len(self.sleeps))
        return "r-9"

    def rollback(self, group_name: str) -> str | None:
        assert group_name == "web"
        if self.why_no_rollback:
            raise self.why_no_rollback
        self.turned_back.append(len(self.sleeps))
        return "r-1"

    def find(self, group_name: str, refresh_id: str) -> Refresh | None:  # noqa: ARG002
        assert refresh_id == "r-1"
        shown = self.now.refresh
        return shown if shown and shown.refresh_id == refresh_id else None

    def start(self, group_name: str, target: Target, preferences: Preferences) -> str | None:  # noqa: ARG002
        started = next(self._starts)
        if isinstance(started, Exception):
            raise started
        if started:
            self.started.append((target, preferences))
        return started

    def find_ami_of_version(self, launch_template_id: str, version: str) -> str | None:
        assert launch_template_id == "lt-1"
        return AMIS.get(version)

    def find_failed_launches(self, group_name: str) -> dict[str, str]:  # noqa: ARG002
        return self.now.failed_launches

    def find_alarms(self, names: Sequence[str]) -> list[AlarmState]:
        return [alarm for alarm in self.now.alarms if alarm.name in names]
