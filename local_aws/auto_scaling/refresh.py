"""One instance refresh: what was asked for, and how far it is. Values only; next_step.py moves it on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from local_aws.auto_scaling.values import Template


class Status(StrEnum):
    """API reference, InstanceRefresh.Status."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"
    ROLLBACK_IN_PROGRESS = "RollbackInProgress"
    ROLLBACK_FAILED = "RollbackFailed"
    ROLLBACK_SUCCESSFUL = "RollbackSuccessful"
    BAKING = "Baking"


ACTIVE = frozenset(
    {Status.PENDING, Status.IN_PROGRESS, Status.BAKING, Status.CANCELLING, Status.ROLLBACK_IN_PROGRESS}
)
CAN_ROLL_BACK = frozenset({Status.PENDING, Status.IN_PROGRESS, Status.BAKING})


class Treatment(StrEnum):
    """What to do with instances that are protected from scale in, or in standby."""

    WAIT = "Wait"
    IGNORE = "Ignore"
    REPLACE = "Replace"


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """API reference, RefreshPreferences, with the defaults of user guide, "Understand the default values"."""

    min_healthy_percentage: int | None = None
    max_healthy_percentage: int | None = None
    instance_warmup_seconds: int = 0
    skip_matching: bool = False
    auto_rollback: bool = False
    checkpoint_percentages: tuple[int, ...] = ()
    checkpoint_delay_seconds: int = 3600
    bake_time_seconds: int = 0
    alarms: tuple[str, ...] = ()
    protected_instances: Treatment = Treatment.WAIT
    standby_instances: Treatment = Treatment.WAIT


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """API reference, RollbackDetails."""

    reason: str
    started_at: float
    percentage: int
    to_update: int
    deployed: int = 0


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """A refresh of one group. failure_seconds: how long it tries on without progress before it fails."""

    refresh_id: str
    group_name: str
    preferences: Preferences
    started_at: float
    desired: Template | None = None
    previous: Template | None = None
    failure_seconds: float = 3600.0
    status: Status = Status.PENDING
    status_reason: str = ""
    ended_at: float = 0.0
    percentage: int = 0
    to_update: int = 0
    most_settled: int = -1
    fewest_candidates: int = -1
    progressed_at: float = 0.0
    checkpoints_passed: int = 0
    paused_until: float = 0.0
    baking_until: float = 0.0
    last_failure: str = ""
    rollback: Rollback | None = None

    @property
    def is_active(self) -> bool:
        """Whether another refresh of the group is refused because of this one."""
        return self.status in ACTIVE

    @property
    def is_rolling_back(self) -> bool:
        """Whether it goes back to the configuration that the group had before."""
        return self.status is Status.ROLLBACK_IN_PROGRESS

    @property
    def label(self) -> str:
        """The mark of the instances that it launches now."""
        return f"{self.refresh_id}:rollback" if self.is_rolling_back else self.refresh_id


def end(refresh: Refresh, status: Status, now: float, reason: str = "") -> Refresh:
    """*refresh*, over."""
    return replace(refresh, status=status, status_reason=reason, ended_at=now, paused_until=0.0)


def begin_rollback(refresh: Refresh, now: float, reason: str) -> Refresh:
    """*refresh* on its way back (user guide, "Undo changes with a manual or auto rollback")."""
    return replace(
        refresh,
        status=Status.ROLLBACK_IN_PROGRESS,
        status_reason=reason,
        progressed_at=now,
        most_settled=-1,
        fewest_candidates=-1,
        paused_until=0.0,
        last_failure="",
        rollback=Rollback(
            reason=reason, started_at=now, percentage=refresh.percentage, to_update=refresh.to_update
        ),
    )


def fail(refresh: Refresh, now: float, reason: str) -> Refresh:
    """*refresh* after it failed: rolling back if it was asked to, else over."""
    if refresh.is_rolling_back:
        return end(refresh, Status.ROLLBACK_FAILED, now, f"The rollback failed. {reason}")
    if refresh.preferences.auto_rollback:
        return begin_rollback(
            refresh, now, f"An automatic rollback was initiated because the instance refresh failed. {reason}"
        )
    return end(refresh, Status.FAILED, now, f"The instance refresh failed. {reason}")
