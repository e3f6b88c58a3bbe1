"""What failing instances show, kept while they exist: after a rollback they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.rollout.alarms import describe_ringing
from infra.rollout.aws_errors import AWS_ERRORS, describe_error, error_code, is_transient
from infra.rollout.decide import find_failing, is_off_target
from infra.rollout.refreshes import Refreshes
from infra.rollout.values import Fleet, Target
from infra.rollout.wording import describe_failing, read_console_tail


@dataclass(kw_only=True)
class Evidence:
    """The instances on *target* that are or were unhealthy when they were last seen."""

    refreshes: Refreshes
    target: Target
    failing: dict[str, str] = field(default_factory=dict)
    """What is wrong with each, in the order in which they were seen."""

    ringing: str = ""
    """What is added to a failure to say which alarm rang; empty when none was seen."""

    hopeless: str = ""
    """What is added to a failure to say why it was turned back here; empty where it was not."""

    has_served: bool = False
    """Whether an instance on the target was ever healthy in service."""

    _console: str = ""

    @property
    def story(self) -> str:
        """What is added to a failure to say why; empty when nothing was seen."""
        return self.hopeless + self.ringing + self.first

    @property
    def first(self) -> str:
        """What is added to a failure to say where to look; empty when nothing was seen failing."""
        if not self.failing:
            return ""
        described = next(iter(self.failing.values()))
        return f"; first failing instance {described}{self._console}"

    def note(self, fleet: Fleet) -> None:
        """Note who fails; an instance that got well was only slow."""
        first_before = next(iter(self.failing), None)
        for instance in fleet.group.instances:
            if fleet.health_of(instance).is_healthy and instance.health_status == "Healthy":
                self.failing.pop(instance.instance_id, None)
                if instance.is_in_service and not is_off_target(instance, self.target):
                    self.has_served = True
        seen = find_failing(fleet, self.target)
        for instance, health in seen:
            self.failing.setdefault(instance.instance_id, describe_failing(instance, health))
        first = next(iter(self.failing), None)
        if first != first_before:
            self._console = ""
        if first in {instance.instance_id for instance, _ in seen}:
            self._console = self._look_at_console(str(first)) or self._console

    def note_alarms(self, names: Sequence[str]) -> None:
        """Note which of these alarms rings; one that may not be read hides no failure."""
        if self.ringing:
            return
        try:
            self.ringing = describe_ringing(self.refreshes.find_alarms(names))
        except AWS_ERRORS as error:
            if is_transient(error):
                raise

    def _look_at_console(self, instance_id: str) -> str:
        """Its console's end, where it has one; a console that may not be read stops no rollout."""
        try:
            tail = read_console_tail(self.refreshes.find_console(instance_id))
        except AWS_ERRORS as error:
            if is_transient(error):
                raise
            return f", its console cannot be read ({error_code(error) or describe_error(error)})"
        return f", its console ends: {tail}" if tail else ""
