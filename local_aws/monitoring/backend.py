"""moto's CloudWatch with alarms that are evaluated, keep their state and have a history."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from moto.cloudwatch import urls
from moto.cloudwatch.models import Alarm, CloudWatchBackend

from local_aws.home import world_lock
from local_aws.monitoring import history, rules
from local_aws.monitoring.evaluate import evaluate
from local_aws.monitoring.history import MOST_ITEMS, HistoryItem, Told
from local_aws.monitoring.measure import Measurement
from local_aws.monitoring.metrics import PublishedDatum, as_datapoints, as_timestamp, read_periods, select
from local_aws.monitoring.values import State
from local_aws.monitoring.wording import state_reason, state_reason_data

MINUTE_SECONDS = 60
KEPT_SECONDS = 3 * 3600
"""How long published metrics are kept."""

NEW = Told(state=State.INSUFFICIENT_DATA, reason="Unchecked: Initial alarm creation", reason_data="")


class LocalCloudWatchBackend(CloudWatchBackend):
    """Metrics and alarms of one account and region."""

    _url_module = urls  # moto would look for it beside this file

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.items: deque[HistoryItem] = deque(maxlen=MOST_ITEMS)

    def put_metric_alarm(self, name: str, **given: Any) -> Alarm:  # type: ignore[override]
        """A new alarm has insufficient data; one that is there keeps its state (API reference)."""
        rules.check(given)
        with world_lock:
            before = self.alarms.get(name)
            alarm = super().put_metric_alarm(name, **{**given, "tags": None if before else given.get("tags")})
            _set_state(alarm, _told(before) if before else NEW)
            if before:
                alarm.state_updated_timestamp = before.state_updated_timestamp
            self.items.append(history.configured(name, time.time(), "updated" if before else "created"))
        return alarm

    def delete_alarms(self, alarm_names: list[str]) -> None:
        """Delete alarms; none of them needs to be there."""
        with world_lock:
            there = [name for name in alarm_names if name in self.alarms]
            super().delete_alarms(alarm_names)
            self.items.extend(history.configured(name, time.time(), "deleted") for name in there)

    def set_alarm_state(self, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
        """Set a state by hand: the next evaluation that comes to another one changes it again."""
        with world_lock:
            before = self.alarms.get(alarm_name)
            old = _told(before) if before else NEW
            super().set_alarm_state(alarm_name, reason, reason_data or "{}", state_value)
            if old.state != state_value:
                new = _told(self.alarms[alarm_name])
                self.items.append(history.state_changed(alarm_name, time.time(), old, new))

    def get_metric_data(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """The statistics that can be told: a percentile of a statistic set cannot."""
        results: list[dict[str, Any]] = super().get_metric_data(*args, **kwargs)
        for result in results:
            values = zip(result["timestamps"], result["values"], strict=True)
            told = [(timestamp, value) for timestamp, value in values if value is not None]
            result["timestamps"] = [timestamp for timestamp, _ in told]
            result["values"] = [value for _, value in told]
        return results

    def publish(self, measurements: Sequence[Measurement], timestamp: float) -> None:
        """Add what was measured in the period that began at *timestamp*; forget what is old."""
        with world_lock:
            kept = [
                datum
                for datum in self.metric_data
                if not isinstance(datum, PublishedDatum)
                or as_timestamp(datum.timestamp) > timestamp - KEPT_SECONDS
            ]
            self.metric_data = [*kept, *(PublishedDatum(one, timestamp) for one in measurements)]

    def evaluate_alarms(self, now: float, minute_seconds: float) -> list[str]:
        """Bring each alarm to the state that its metric asks for; say which ones changed.

        A minute of an alarm's period lasts *minute_seconds* here.
        """
        changes = []
        with world_lock:
            for alarm in list(self.alarms.values()):
                if alarm.rule is None and self._evaluate(alarm, now, minute_seconds):
                    changes.append(f"alarm {alarm.name}: {alarm.state_value}: {alarm.state_reason}")
        return changes

    def _evaluate(self, alarm: Alarm, now: float, minute_seconds: float) -> bool:
        rule, statistic = rules.rule_of(alarm), rules.statistic_of(alarm)
        length = int(alarm.period) * minute_seconds / MINUTE_SECONDS
        starts = [now - length * back for back in range(rule.evaluation_range, 0, -1)]
        found = select(
            self.metric_data,
            namespace=alarm.namespace,
            metric=alarm.metric_name,
            dimensions=tuple(sorted((one.name or "", one.value or "") for one in alarm.dimensions)),
            unit=alarm.unit,
        )
        datapoints = as_datapoints(read_periods(found, starts, length), starts, statistic)
        previous = State(alarm.state_value)
        verdict = evaluate(rule, datapoints, previous)
        if verdict.state is previous:
            return False
        data = state_reason_data(rule, verdict, statistic=statistic, period=int(alarm.period), now=now)
        old = _told(alarm)
        reason = state_reason(rule, verdict, previous)
        alarm.update_state(reason, data, verdict.state.value)
        self.items.append(history.state_changed(alarm.name, now, old, _told(alarm)))
        return True


def _told(alarm: Alarm) -> Told:
    return Told(state=alarm.state_value, reason=alarm.state_reason, reason_data=alarm.state_reason_data)


def _set_state(alarm: Alarm, told: Told) -> None:
    alarm.state_value, alarm.state_reason = str(told.state), told.reason
    alarm.state_reason_data = told.reason_data
