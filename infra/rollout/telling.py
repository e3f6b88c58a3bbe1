"""Telling a rollout: a line when something changes, with the time since its start, and never a flood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

QUIET_SECONDS = 30.0


@dataclass(kw_only=True)
class Teller:
    """Says each line once."""

    say: Callable[[str], None]
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.began = self.clock()
        self.last_line = ""
        self._last_subject = ""
        self._last_told = 0.0

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return self.clock() - self.began

    def tell(self, line: str, subject: str = "") -> None:
        """Say *line*, unless it is what was said last.

        AWS's reason names another instance at almost every look: another line on the same *subject* waits.
        """
        now = self.clock()
        is_news = not subject or subject != self._last_subject
        if line != self.last_line and (is_news or now - self._last_told >= QUIET_SECONDS):
            self.last_line, self._last_subject, self._last_told = line, subject, now
            self.add(line)

    def add(self, line: str) -> None:
        """Say *line* between those that tell how far it is."""
        self.say(f"rollout {self.seconds:4.0f} s  {line}")
