"""The course of one rollout: what its parts share, how far it has come, and how long it may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from infra.rollout.errors import RolloutDeadlineError
from infra.rollout.evidence import Evidence
from infra.rollout.polling import poll_delays
from infra.rollout.refreshes import Refreshes
from infra.rollout.telling import Teller
from infra.rollout.values import Target


class Stage(Enum):
    """How far a rollout has come: what a failure has to say of what is left behind."""

    BEGINNING = "nothing was started"
    UNANSWERED = "whether AWS started an instance refresh is not known; one that was started goes on"
    FOLLOWING = "the instance refresh goes on"
    VERIFYING = "no instance refresh is under way"


_EXPECTED = {
    Stage.BEGINNING: "an instance refresh should have been started",
    Stage.UNANSWERED: "AWS should have said whether it started an instance refresh",
    Stage.FOLLOWING: "its instance refresh should have ended",
    Stage.VERIFYING: "every instance should be in service and healthy",
}


@dataclass(kw_only=True)
class Course:
    """Whom the parts of a rollout ask, where the group is to arrive, what was seen, and how it is told."""

    refreshes: Refreshes
    group_name: str
    target: Target
    teller: Teller
    evidence: Evidence
    timeout_seconds: float = math.inf
    sleep: Callable[[float], None] = time.sleep
    stage: Stage = Stage.BEGINNING

    def looks(self) -> Iterator[None]:
        """Come back at growing intervals until the deadline; then raise RolloutDeadlineError."""
        for delay in poll_delays():
            yield
            if self.teller.seconds > self.timeout_seconds:
                raise RolloutDeadlineError(self._describe_deadline())
            self.sleep(delay)

    def _describe_deadline(self) -> str:
        group = self.refreshes.require_group(self.group_name)
        template, version = group.launch_template_id, group.launch_template_version
        launched = self.refreshes.find_ami_of_version(template, version)
        follow = " to follow it" if self.stage is Stage.FOLLOWING else ""
        minutes = f"{self.timeout_seconds / 60:.0f} minutes"
        return (
            f"{self.group_name} is not on {self.target.ami_id} after {minutes}: {self.teller.last_line}"
            f"{self.evidence.story} · {_EXPECTED[self.stage]}; the group launches {launched or 'no AMI'} · "
            f"{self.stage.value}; run pulumi up again{follow}, or raise rolloutTimeoutMinutes"
        )
