"""Beginning: make or find the one refresh that leads to the target, whoever else moves the group."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from infra.rollout.alarms import AlarmWatch
from infra.rollout.course import Course, Stage
from infra.rollout.decide import (
    Adopt,
    CancelOther,
    Refuse,
    Start,
    WaitForHealth,
    decide_first_step,
    find_left_behind,
)
from infra.rollout.errors import RefreshInProgressError, RolloutError, StartUnansweredError
from infra.rollout.plan import describe_plan, find_warnings
from infra.rollout.preferences import Preferences
from infra.rollout.values import ADOPTABLE_STATUSES, Group, Refresh
from infra.rollout.wording import describe_left_behind, describe_other

REFUSALS_TO_GIVE_UP = 5
"""AWS may say for a moment that a refresh is in progress and not show it yet."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The group before, the refresh that is to be followed (None where none has to be), and whose it is."""

    group: Group
    refresh_id: str | None
    is_own: bool


@dataclass(kw_only=True)
class Beginning:
    """The beginning of one rollout."""

    course: Course
    preferences: Preferences
    on_refresh_in_progress: str
    _refusals: int = 0
    _newest_before: tuple[str | None] | None = None
    """The newest refresh when one was last asked for; None while none was."""
    _alarm_watch: AlarmWatch = field(default_factory=AlarmWatch)

    def start_or_adopt(self) -> Begun:
        """The refresh that leads to the target; raises RolloutError where there can be none."""
        for _ in self.course.looks():
            begun = self._look_and_act()
            if begun is not None:
                self.course.stage = Stage.FOLLOWING if begun.refresh_id else Stage.VERIFYING
                return begun
        raise AssertionError("unreachable")

    def _look_and_act(self) -> Begun | None:
        """What has begun; None where the group has to be looked at again."""
        course = self.course
        group = course.refreshes.describe_group(course.group_name)
        if self.preferences.standby_instances == "Ignore":
            group = group.without_standby()
        newest = course.refreshes.find_newest(course.group_name)
        if newest and self._may_be_ours(newest):
            return self._adopt(group, newest)
        step = decide_first_step(
            group,
            newest if newest and newest.is_running else None,
            course.target,
            on_refresh_in_progress=self.on_refresh_in_progress,
        )
        match step:
            case Start():
                return None if self._waits_for_alarms() else self._start(group, newest)
            case Adopt(refresh=refresh):
                return self._adopt(group, refresh)
            case WaitForHealth():
                course.teller.tell(f"no instance to replace, {group.name} is on {course.target.ami_id}")
                return Begun(group=group, refresh_id=None, is_own=False)
            case Refuse(reason=reason):
                raise RefreshInProgressError(reason)
        if newest:
            self._make_way(newest, is_cancelled=isinstance(step, CancelOther))
        return None

    def _may_be_ours(self, newest: Refresh) -> bool:
        """Whether *newest* was started by a request of ours, or of another run with the same target."""
        is_new = self._newest_before not in (None, (newest.refresh_id,))
        return is_new and newest.leads_to(self.course.target)

    def _waits_for_alarms(self) -> bool:
        """Whether AWS would not start a refresh that watches the alarms yet; raises RolloutError if never."""
        names = self.preferences.alarm_names
        line = self._alarm_watch.find_obstacle(
            self.course.group_name,
            names,
            self.course.refreshes.find_alarms(names),
            self.course.teller.seconds,
        )
        if line:
            self.course.teller.tell(line)
        return bool(line)

    def _start(self, group: Group, newest: Refresh | None) -> Begun | None:
        course = self.course
        if left := find_left_behind(group, course.target, self.preferences):
            raise RolloutError(describe_left_behind(group.name, left))
        self._newest_before = (newest.refresh_id if newest else None,)
        try:
            refresh_id = course.refreshes.start(course.group_name, course.target, self.preferences)
        except StartUnansweredError as error:
            course.stage = Stage.UNANSWERED
            course.teller.tell(f"AWS does not answer the start of a refresh ({error}), looking again")
            return None
        if refresh_id is None:
            self._note_refusal()
            return None
        for warning in find_warnings(group.desired_capacity, self.preferences):
            course.teller.add(warning)
        plan = describe_plan(group.desired_capacity, self.preferences)
        course.teller.tell(f"{refresh_id} to {course.target.ami_id} started: {plan}")
        return Begun(group=group, refresh_id=refresh_id, is_own=True)

    def _note_refusal(self) -> None:
        """Note that AWS refused, as another refresh runs; raises RefreshInProgressError after some times."""
        self._refusals += 1
        if self._refusals >= REFUSALS_TO_GIVE_UP:
            raise RefreshInProgressError(
                f"instance refreshes of {self.course.group_name} come and go: AWS did not start one in "
                f"{self._refusals} tries · none but this was expected · end what starts the others, then run "
                "pulumi up again"
            )

    def _adopt(self, group: Group, refresh: Refresh) -> Begun:
        teller, ami_id = self.course.teller, self.course.target.ami_id
        if refresh.status in ADOPTABLE_STATUSES:
            teller.tell(f"{refresh.refresh_id} already leads to {ami_id}: following it")
        else:
            teller.tell(f"{refresh.refresh_id} to {ami_id} is {refresh.status}: following it to its end")
        if differences := self.preferences.describe_differences(refresh.preferences):
            teller.add(f"it was started with other preferences: {', '.join(differences)}")
        return Begun(group=group, refresh_id=refresh.refresh_id, is_own=False)

    def _make_way(self, other: Refresh, *, is_cancelled: bool) -> None:
        """Wait for somebody else's refresh, which is cancelled first where that is wished."""
        teller = self.course.teller
        if is_cancelled and self.course.refreshes.cancel(self.course.group_name) is not None:
            teller.tell(f"cancels refresh {other.refresh_id}, as onRefreshInProgress says")
        else:
            teller.tell(describe_other(other), describe_other(replace(other, reason="")))
