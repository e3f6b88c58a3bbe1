"""Which fault a call meets."""

from __future__ import annotations

import fnmatch
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from local_aws.faults.call import Call
from local_aws.faults.exchange import Answer
from local_aws.faults.fault import Fault, FaultError

MOST_REMEMBERED = 500


@dataclass(kw_only=True)
class Armed:
    """A fault that was put in, and what became of it."""

    fault_id: str
    fault: Fault
    armed_at: float
    earlier: dict[str, Answer]
    """What the last reads before it answered, by their keys; of a stale one only."""
    seen: int = 0
    """How many calls it was made for, let pass or met."""
    hits: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    """Set by release and clear: what waits goes on."""

    def time_is_over(self, now: float) -> bool:
        """Whether it was in force for its seconds."""
        return self.fault.seconds is not None and now - self.armed_at >= self.fault.seconds

    def is_over(self, now: float) -> bool:
        """Whether it will meet no other call."""
        has_met_all = self.fault.count is not None and self.hits >= self.fault.count
        return self.ended.is_set() or has_met_all or self.time_is_over(now)

    def to_json(self, now: float) -> dict[str, Any]:
        """What is told of it."""
        return {
            "fault_id": self.fault_id,
            **self.fault.to_json(),
            "hits": self.hits,
            "is_over": self.is_over(now),
        }


def is_made_for(fault: Fault, call: Call) -> bool:
    """Whether *call* is one of those that *fault* is about."""
    return (
        fnmatch.fnmatchcase(call.name, fault.action)
        and (fault.user_agent is None or fault.user_agent.lower() in call.user_agent.lower())
        and (fault.kind != "stale" or call.is_read)
    )


def count_call(armed: Armed, call: Call, now: float) -> bool:
    """Count *call*, and say whether it meets the fault."""
    if armed.is_over(now) or not is_made_for(armed.fault, call):
        return False
    armed.seen += 1
    if armed.seen <= armed.fault.after:
        return False
    armed.hits += 1
    return True


class Faults:
    """All faults of one local AWS. A call meets the oldest that it can."""

    def __init__(self) -> None:
        self._all: dict[str, Armed] = {}
        self._lock = threading.Lock()
        self._made = 0

    def add(self, fault: Fault, earlier: dict[str, Answer]) -> Armed:
        """Put *fault* in."""
        with self._lock:
            self._made += 1
            armed = Armed(
                fault_id=f"fault-{self._made}", fault=fault, armed_at=time.monotonic(), earlier=earlier
            )
            self._all[armed.fault_id] = armed
            over = [known for known in self._all.values() if known.is_over(armed.armed_at)]
            for known in over[: max(0, len(self._all) - MOST_REMEMBERED)]:
                del self._all[known.fault_id]
            return armed

    def meet(self, call: Call) -> Armed | None:
        """The fault that *call* meets now; None when it is served as any other."""
        with self._lock:
            now = time.monotonic()
            return next((armed for armed in self._all.values() if count_call(armed, call, now)), None)

    def find(self, fault_id: str) -> Armed:
        """The fault of that id, over or not."""
        armed = self._all.get(fault_id)
        if armed is None:
            raise FaultError(
                f"there is no fault {fault_id!r} · one that was added was expected · "
                "`python -m local_aws faults list` shows them"
            )
        return armed

    def list(self) -> list[dict[str, Any]]:
        """What there is to tell of each, the oldest first."""
        with self._lock:
            now = time.monotonic()
            return [armed.to_json(now) for armed in self._all.values()]

    def release(self, fault_id: str) -> None:
        """End that fault: it meets nothing more, and what waits for it goes on."""
        self.find(fault_id).ended.set()

    def clear(self) -> None:
        """End all."""
        with self._lock:
            for armed in self._all.values():
                armed.ended.set()
