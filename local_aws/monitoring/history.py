"""What an alarm went through, as DescribeAlarmHistory tells it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local_aws.monitoring.metrics import as_moto_time

MOST_ITEMS = 1000
"""Of each account and region."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A state and why."""

    state: str
    reason: str
    reason_data: str

    def as_history(self) -> dict[str, Any]:
        """As it stands in HistoryData."""
        data = json.loads(self.reason_data) if self.reason_data else {}
        return {
            "stateValue": self.state,
            "stateReason": self.reason,
            **({"stateReasonData": data} if data else {}),
        }


@dataclass(frozen=True, kw_only=True)
class HistoryItem:
    """One thing that happened to an alarm (API reference, AlarmHistoryItem)."""

    alarm_name: str
    timestamp: float
    kind: str
    summary: str
    data: str

    def as_answer(self) -> dict[str, Any]:
        """As the API answers it."""
        return {
            "AlarmName": self.alarm_name,
            "AlarmType": "MetricAlarm",
            "Timestamp": as_moto_time(self.timestamp),
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }


def state_changed(alarm_name: str, now: float, old: Told, new: Told) -> HistoryItem:
    """An alarm went from *old* to *new*."""
    data = {"version": "1.0", "oldState": old.as_history(), "newState": new.as_history()}
    return HistoryItem(
        alarm_name=alarm_name,
        timestamp=now,
        kind="StateUpdate",
        summary=f"Alarm updated from {old.state} to {new.state}",
        data=json.dumps(data, separators=(",", ":")),
    )


def configured(alarm_name: str, now: float, what: str) -> HistoryItem:
    """An alarm was created, updated or deleted."""
    return HistoryItem(
        alarm_name=alarm_name,
        timestamp=now,
        kind="ConfigurationUpdate",
        summary=f'Alarm "{alarm_name}" {what}',
        data=json.dumps({"version": "1.0", "type": what.capitalize()}, separators=(",", ":")),
    )


def find(
    items: Iterable[HistoryItem],
    *,
    alarm_name: str | None,
    kind: str | None,
    start: float | None,
    end: float | None,
) -> list[HistoryItem]:
    """The items that were asked for."""
    return [
        item
        for item in items
        if alarm_name in (None, item.alarm_name)
        and kind in (None, item.kind)
        and (start is None or item.timestamp >= start)
        and (end is None or item.timestamp <= end)
    ]
