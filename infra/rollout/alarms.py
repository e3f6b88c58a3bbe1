"""What the alarms of a rollout mean for it: decided and told from plain values.

StartInstanceRefresh is refused while an alarm is in ALARM or INSUFFICIENT_DATA (Auto Scaling user guide,
"Undo changes with a manual or auto rollback").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SECONDS_TO_STOP_RINGING = 180.0
"""An alarm that an earlier rollout made ring is OK again after a minute or two without its cause."""


@dataclass(frozen=True, kw_only=True)
class AlarmState:
    """One alarm now, and why it is so in CloudWatch's words."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why AWS would not start a refresh that watches the alarms, and whether waiting does not help."""

    line: str
    is_final: bool


def find_obstacle(
    group_name: str, names: Sequence[str], alarms: Iterable[AlarmState], waited_seconds: float
) -> Obstacle | None:
    """What keeps a rollout of the group from being watched by the alarms *names*; None when nothing does."""
    found = {alarm.name: alarm for alarm in alarms}
    missing = [name for name in names if name not in found]
    if missing:
        line = (
            f"alarm {missing[0]} of {group_name} does not exist · AWS starts no instance refresh without the "
            "alarms it is to watch · run pulumi up --refresh, which makes it again"
        )
        return Obstacle(line=line, is_final=True)
    ringing = [alarm for alarm in found.values() if alarm.state == "ALARM"]
    if ringing:
        rings = (
            f"alarm {ringing[0].name} of {group_name} rings before the rollout begins: {ringing[0].reason}"
        )
        if waited_seconds < SECONDS_TO_STOP_RINGING:
            line = f"{rings} · waiting up to {SECONDS_TO_STOP_RINGING:.0f} s for it to stop"
            return Obstacle(line=line, is_final=False)
        remedy = (
            "AWS starts no instance refresh meanwhile, OK was expected · mend what rings and run pulumi up "
            "again; if the running image is what rings, roll the next one out unwatched: pulumi config set "
            "alarms false, pulumi up, pulumi config rm alarms"
        )
        return Obstacle(line=f"{rings} · {remedy}", is_final=True)
    unknown = [alarm for alarm in found.values() if alarm.state != "OK"]
    if unknown:
        line = f"waiting for the first evaluation of alarm {unknown[0].name}"
        return Obstacle(line=line, is_final=False)
    return None


def describe_ringing(alarms: Iterable[AlarmState]) -> str:
    """What is added to a failure to say which alarm rang; empty when none did."""
    ringing = [alarm for alarm in alarms if alarm.state == "ALARM"]
    return f"; alarm {ringing[0].name}: {ringing[0].reason}" if ringing else ""
