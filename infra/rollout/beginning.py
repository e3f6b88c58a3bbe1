"""Beginning: make or find the one refresh that leads to the target, whoever else moves the group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from infra.rollout.alarms import find_obstacle
from infra.rollout.decide import (
    Adopt,
    CancelOther,
    Refuse,
    Start,
    WaitForHealth,
    decide_first_step,
)
from infra.rollout.errors import RefreshInProgressError, RolloutError, StartUnansweredError
from infra.rollout.plan import describe_plan, find_warnings
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Group, Refresh, Target
from infra.rollout.wording import describe_other

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

    refreshes: Refreshes
    group_name: str
    target: Target
    preferences: Preferences
    on_refresh_in_progress: str
    teller: Teller
    looks: Callable[[str], Iterator[None]]

    def start_or_adopt(self) -> Begun:
        """The refresh that leads to the target; raises RolloutError where there can be none."""
        refusals, may_have_started = 0, False
        newest_before: str | None = None
        for _ in self.looks("another instance refresh should have ended"):
            group = self.refreshes.describe_group(self.group_name)
            if self.preferences.standby_instances == "Ignore":
                group = group.without_standby()
            newest = self.refreshes.find_newest(self.group_name)
            is_new = newest is not None and newest.refresh_id != newest_before
            if may_have_started and newest and is_new and newest.leads_to(self.target):
                # The answer to our request was lost, or another run with the same target was faster.
                return self._adopt(group, newest.refresh_id)
            running = newest if newest and newest.is_running else None
            step = decide_first_step(
                group, running, self.target, on_refresh_in_progress=self.on_refresh_in_progress
            )
            if isinstance(step, Adopt):
                return self._adopt(group, step.refresh_id)
            if isinstance(step, WaitForHealth):
                self.teller.tell(f"no instance to replace, {group.name} is on {self.target.ami_id}")
                return Begun(group=group, refresh_id=None, is_own=False)
            if isinstance(step, Refuse):
                raise RefreshInProgressError(step.reason)
            if isinstance(step, Start):
                if self._waits_for_alarms():
                    continue
                newest_before = newest.refresh_id if newest else None
                may_have_started = True
                try:
                    refresh_id = self._start(group)
                except StartUnansweredError as error:
                    self.teller.tell(f"AWS does not answer the start of a refresh ({error}), looking again")
                    continue
                if refresh_id is not None:
                    return Begun(group=group, refresh_id=refresh_id, is_own=True)
                refusals += 1
                if refusals >= REFUSALS_TO_GIVE_UP:
                    break
            elif running:
                self._make_way(running, is_cancelled=isinstance(step, CancelOther))
        raise RefreshInProgressError(
            f"instance refreshes of {self.group_name} come and go: AWS did not start one in {refusals} tries "
            "· none but this was expected · end what starts the others, then run pulumi up again"
        )

    def _waits_for_alarms(self) -> bool:
        """Whether AWS would not start a refresh that watches the alarms yet; raises RolloutError if never."""
        names = self.preferences.alarm_names
        alarms = self.refreshes.find_alarms(names)
        obstacle = find_obstacle(self.group_name, names, alarms, self.teller.seconds)
        if obstacle is None:
            return False
        if obstacle.is_final:
            raise RolloutError(obstacle.line)
        self.teller.tell(obstacle.line)
        return True

    def _start(self, group: Group) -> str | None:
        refresh_id = self.refreshes.start(self.group_name, self.target, self.preferences)
        if refresh_id is not None:
            for warning in find_warnings(group.desired_capacity, self.preferences):
                self.teller.add(warning)
            plan = describe_plan(group.desired_capacity, self.preferences)
            self.teller.tell(f"{refresh_id} to {self.target.ami_id} started: {plan}")
        return refresh_id

    def _adopt(self, group: Group, refresh_id: str) -> Begun:
        self.teller.tell(f"{refresh_id} already leads to {self.target.ami_id}: following it")
        return Begun(group=group, refresh_id=refresh_id, is_own=False)

    def _make_way(self, other: Refresh, *, is_cancelled: bool) -> None:
        """Wait for somebody else's refresh, which is cancelled first where that is wished."""
        if is_cancelled and self.refreshes.cancel(self.group_name) is not None:
            self.teller.tell(f"cancels refresh {other.refresh_id}, as onRefreshInProgress says")
        else:
            self.teller.tell(describe_other(other), describe_other(replace(other, reason="")))
