"""What reads answered last: the past that a stale read shows."""

from __future__ import annotations

import threading
from collections import OrderedDict

from local_aws.faults.exchange import Answer

MOST_BYTES = 16_000_000


class Memory:
    """The last answer to each read, as far as they fit."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lock = threading.Lock()

    def remember(self, key: str, answer: Answer) -> None:
        """Keep *answer* as the last one to the read of *key*; the oldest make room for it."""
        with self._lock:
            known = self._answers.pop(key, None)
            self._bytes += len(answer.body) - (len(known.body) if known else 0)
            self._answers[key] = answer
            while self._bytes > self._most_bytes:
                _, oldest = self._answers.popitem(last=False)
                self._bytes -= len(oldest.body)

    def all(self) -> dict[str, Answer]:
        """The last answer to each read as of now."""
        with self._lock:
            return dict(self._answers)
