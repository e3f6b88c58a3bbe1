"""How far a refresh is: what changed, and until when it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.rollout.values import Refresh
from infra.rollout.wording import describe_count


@dataclass(kw_only=True)
class Progress:
    """Describes one refresh of *total* instances from look to look.

    AWS does not say when a pause or the bake time ends; it is counted from the first look that shows it. Of
    a refresh that somebody else began (*is_own* is false) only the longest possible time is known at first.
    """

    total: int
    is_own: bool = True

    def __post_init__(self) -> None:
        self._stage: str | None = None
        self._until: datetime | None = None
        self._percentage = 0
        self._is_guess = False

    def describe(self, refresh: Refresh, now: datetime) -> tuple[str, str]:
        """A line on *refresh* at *now*, and its subject: lines on one subject differ in AWS's reason only."""
        stage, seconds = find_stage(refresh)
        if stage != self._stage:
            self._is_guess = self._stage is None and not self.is_own
            self._stage = stage
            self._percentage = refresh.percentage_complete
            self._until = now + timedelta(seconds=seconds) if stage else None
        count = describe_count(refresh, self.total)
        # A pause is over early for those who saw its beginning late: then it goes on.
        has_gone_on = refresh.percentage_complete > self._percentage
        if stage and self._until and now < self._until and not has_gone_on:
            latest = "at the latest " if self._is_guess else ""
            count = f"{count}; {stage} until {latest}{self._until:%H:%M:%S} UTC"
            return count, count
        line = f"{count}; {refresh.reason}" if refresh.reason else count
        return line, f"{count}, {'with' if refresh.reason else 'without'} a reason"


def find_stage(refresh: Refresh) -> tuple[str, int]:
    """What *refresh* waits for by the clock, and for how many seconds; nothing while it replaces."""
    preferences = refresh.preferences
    if refresh.status == "Baking":
        return "baking", preferences.bake_time_seconds or 0
    # The last checkpoint ends the refresh (Auto Scaling user guide, "Add checkpoints").
    passed = [one for one in preferences.checkpoint_percentages[:-1] if one <= refresh.percentage_complete]
    if refresh.status == "InProgress" and passed:
        return f"checkpoint of {passed[-1]} % reached, waiting", preferences.pause_seconds
    return "", 0
