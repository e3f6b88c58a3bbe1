"""Following a refresh to its end, however long it takes, with few calls and few words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.rollout.aws_errors import AWS_ERRORS, describe_error, is_transient
from infra.rollout.course import Course
from infra.rollout.decide import LOST_INSTANCES_TO_GIVE_UP, find_held, find_lost
from infra.rollout.values import ADOPTABLE_STATUSES, Fleet, Refresh
from infra.rollout.wording import describe_count, describe_held

LARGE_GROUP = 100
LOOKS_BETWEEN_FLEETS = 6
"""A large group is described whole less often: each time is a long answer of three services."""


def read_utc() -> datetime:
    """The time that is said to people."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Follower:
    """Follows one refresh of the group to the target."""

    course: Course
    turns_back: bool
    """Whether a refresh to an image that never gets healthy ends before AWS gives up after an hour."""
    now: Callable[[], datetime] = read_utc
    _held: str = ""
    _count: tuple[str, int] | None = None
    _looks_since_fleet: int = 0
    _has_turned_back: bool = False

    def follow(self, refresh_id: str, *, total: int, is_own: bool) -> Refresh:
        """Tell each change of the refresh until it has ended; return its end."""
        course, progress = self.course, Progress(total=total, is_own=is_own)
        for _ in course.looks():
            refresh = course.refreshes.find(course.group_name, refresh_id)
            if refresh is None:
                continue
            fleet = self._look_at_fleet(refresh, progress.total)
            if fleet:
                # A scaling policy may move it meanwhile.
                progress.total = fleet.group.desired_capacity
            course.teller.tell(*progress.describe(refresh, self.now()))
            if fleet:
                self._judge(refresh, fleet)
            if refresh.rollback_reason or refresh.status == "Failed":
                course.evidence.note_alarms(refresh.preferences.alarm_names)
            if not refresh.is_running:
                return refresh
        raise AssertionError("unreachable")

    def _look_at_fleet(self, refresh: Refresh, total: int) -> Fleet | None:
        """The fleet; None where nothing changed in a large one and it was described of late."""
        self._looks_since_fleet += 1
        has_changed = self._count != (refresh.status, refresh.instances_to_update)
        self._count = (refresh.status, refresh.instances_to_update)
        if not has_changed and total > LARGE_GROUP and self._looks_since_fleet < LOOKS_BETWEEN_FLEETS:
            return None
        self._looks_since_fleet = 0
        return self.course.refreshes.describe_fleet(self.course.group_name)

    def _judge(self, refresh: Refresh, fleet: Fleet) -> None:
        """Note who fails, say for whom the refresh waits, and turn it back where it can only fail."""
        course = self.course
        course.evidence.note(fleet)
        if refresh.status not in ADOPTABLE_STATUSES:
            return
        held = describe_held(find_held(fleet.group, course.target, refresh.preferences))
        if held and held != self._held:
            course.teller.add(held)
        self._held = held
        lost = find_lost(fleet, course.evidence.failing.keys(), course.target)
        is_hopeless = len(lost) >= LOST_INSTANCES_TO_GIVE_UP and not course.evidence.has_served
        if (
            self.turns_back
            and refresh.preferences.auto_rollback
            and is_hopeless
            and not self._has_turned_back
        ):
            self._has_turned_back = True
            self._turn_back(refresh, lost)

    def _turn_back(self, refresh: Refresh, lost: list[str]) -> None:
        """Have AWS do now what it does after an hour without success; where it may not be asked, wait."""
        course = self.course
        why = f"{len(lost)} instances of {course.target.ami_id} were lost as unhealthy and none ever served"
        try:
            turned = course.refreshes.rollback(course.group_name)
        except AWS_ERRORS as error:
            if is_transient(error):
                raise
            said = describe_error(error)
            course.teller.add(f"{why}; AWS does not turn back when asked ({said}), but when it gives up")
            return
        if turned is not None:
            course.evidence.hopeless = f"; turned back, as {why}"
            course.teller.add(f"turns {refresh.refresh_id} back: {why}")


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
