"""The calls there were: who called what, and how it ended. Bounded, and without any parameter's value."""

from __future__ import annotations

import fnmatch
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from local_aws.faults.call import Call

MOST_CALLS = 50_000


@dataclass(kw_only=True)
class Entry:
    """One call and what became of it so far."""

    sequence: int
    time: str
    action: str
    user_agent: str
    began: float
    is_under_way: bool = True
    served: bool = False
    """The account dealt with it; whether the client got the answer is another thing."""
    status: int | None = None
    """The HTTP status that was sent; None when the connection was closed without an answer."""
    error_code: str | None = None
    fault_id: str | None = None
    kind: str | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """What is told of it."""
        values = asdict(self)
        del values["began"]
        return values


class Journal:
    """The newest calls."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_CALLS)
        self._lock = threading.Lock()
        self._sequence = 0

    def begin(self, call: Call) -> Entry:
        """Note that *call* has arrived."""
        with self._lock:
            self._sequence += 1
            entry = Entry(
                sequence=self._sequence,
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                action=call.name,
                user_agent=call.user_agent,
                began=time.monotonic(),
            )
            self._entries.append(entry)
            return entry

    def end(self, entry: Entry, *, status: int | None, error_code: str | None) -> None:
        """Note that the call of *entry* is over."""
        entry.status = status
        entry.error_code = error_code
        entry.seconds = round(time.monotonic() - entry.began, 3)
        entry.is_under_way = False

    def list(self, pattern: str = "*", since: int = 0) -> list[dict[str, Any]]:
        """The calls after the one numbered *since* whose action matches *pattern*, the oldest first."""
        with self._lock:
            entries = [entry for entry in self._entries if entry.sequence > since]
        return [entry.to_json() for entry in entries if fnmatch.fnmatchcase(entry.action, pattern)]
