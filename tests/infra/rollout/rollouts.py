"""Rollouts of the group web, against an AWS that plays a script."""

from __future__ import annotations

import pytest

from infra.rollout.errors import (
    RolloutError,
)
from infra.rollout.preferences import Preferences
from infra.rollout.rolling import Outcome, Rollout
from tests.infra.rollout.worlds import (
    PREFERENCES,
    TARGET,
    Moment,
    ScriptedRefreshes,
    group,
    instance,
    refresh,
)

BEFORE = Moment(group=group(instance("a", "1"), instance("b", "1"), version="1"))


AFTER = Moment(group=group(instance("c"), instance("d")), refresh=refresh("Successful", 100))


def roll_out(
    aws: ScriptedRefreshes,
    timeout_seconds: float = 3600,
    *,
    on_refresh_in_progress: str = "fail",
    preferences: Preferences = PREFERENCES,
) -> Outcome:
    """Run the rollout on *aws*; what it says is kept there."""
    return Rollout(
        refreshes=aws,
        group_name="web",
        target=TARGET,
        preferences=preferences,
        on_refresh_in_progress=on_refresh_in_progress,
        timeout_seconds=timeout_seconds,
        say=aws.said.append,
        sleep=aws.sleep,
        clock=lambda: aws.seconds,
    ).run()


def failure_of(aws: ScriptedRefreshes, timeout_seconds: float = 3600) -> str:
    """The line that the rollout on *aws* fails with."""
    with pytest.raises(RolloutError) as failure:
        roll_out(aws, timeout_seconds)
    assert "\n" not in str(failure.value)
    return str(failure.value)
