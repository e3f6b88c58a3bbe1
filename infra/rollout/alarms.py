"""What the alarms of a rollout mean for it: decided and told from plain values.

StartInstanceRefresh is refused while an alarm is in ALARM or INSUFFICIENT_DATA (Auto Scaling user guide,
"Undo changes with a manual or auto rollback").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.rollout.errors import RolloutError

SECONDS_TO_STOP_RINGING = 180.0
"""An alarm that an earlier rollout made ring is OK again after a minute or two without its cause."""

SECONDS_TO_FIRST_EVALUATION = 600.0
"""A new alarm is evaluated within a minute or two; one that has no data for longer lacks more than time."""

_UNWATCHED = (
    "roll the next image out unwatched: pulumi config set alarms false, pulumi up, pulumi config rm alarms"
)


@dataclass(frozen=True, kw_only=True)
class AlarmState:
    """One alarm now, and why it is so in CloudWatch's words."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why AWS would not start a refresh that watches the alarms, and for how long that may pass by itself."""

    line: str
    remedy: str
    patience_seconds: float = 0.0


def find_obstacle(group_name: str, names: Sequence[str], alarms: Iterable[AlarmState]) -> Obstacle | None:
    """What keeps a rollout of the group from being watched by the alarms *names*; None when nothing does."""
    found = {alarm.name: alarm for alarm in alarms}
    missing = [name for name in names if name not in found]
    if missing:
        return Obstacle(
            line=f"alarm {missing[0]} of {group_name} does not exist",
            remedy="AWS starts no instance refresh without the alarms it is to watch · run pulumi up "
            "--refresh, which makes it again",
        )
    ringing = [alarm for alarm in found.values() if alarm.state == "ALARM"]
    if ringing:
        return Obstacle(
            line=f"alarm {ringing[0].name} of {group_name} rings before the rollout begins: "
            f"{ringing[0].reason}",
            remedy="AWS starts no instance refresh meanwhile, OK was expected · mend what rings and run "
            f"pulumi up again; if the running image is what rings, {_UNWATCHED}",
            patience_seconds=SECONDS_TO_STOP_RINGING,
        )
    unknown = [alarm for alarm in found.values() if alarm.state != "OK"]
    if unknown:
        return Obstacle(
            line=f"alarm {unknown[0].name} of {group_name} has no data yet: {unknown[0].reason}",
            remedy="AWS starts no instance refresh before it is OK, which was expected within "
            f"{SECONDS_TO_FIRST_EVALUATION / 60:.0f} minutes · see that it has data, or counts missing data "
            f"as notBreaching, and run pulumi up again; or {_UNWATCHED}",
            patience_seconds=SECONDS_TO_FIRST_EVALUATION,
        )
    return None


@dataclass
class AlarmWatch:
    """Waits for what keeps a rollout from being watched, from the first look that finds it."""

    _kind: str = ""
    _since: float = 0.0

    def find_obstacle(
        self, group_name: str, names: Sequence[str], alarms: Iterable[AlarmState], seconds: float
    ) -> str:
        """What is waited for at *seconds* of the clock, empty when nothing; RolloutError after too long."""
        obstacle = find_obstacle(group_name, names, alarms)
        kind = obstacle.remedy if obstacle else ""
        if kind != self._kind:
            self._kind, self._since = kind, seconds
        if obstacle is None:
            return ""
        if seconds - self._since >= obstacle.patience_seconds:
            raise RolloutError(f"{obstacle.line} · {obstacle.remedy}")
        return f"{obstacle.line} · waiting up to {obstacle.patience_seconds:.0f} s for it to be OK"


def describe_ringing(alarms: Iterable[AlarmState]) -> str:
    """What is added to a failure to say which alarm rang; empty when none did."""
    ringing = [alarm for alarm in alarms if alarm.state == "ALARM"]
    return f"; alarm {ringing[0].name}: {ringing[0].reason}" if ringing else ""
