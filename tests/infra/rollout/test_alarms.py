"""What alarms mean for a rollout, and what a person is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.rollout.alarms import AlarmState, Obstacle, describe_ringing, find_obstacle
from infra.rollout.errors import RolloutError
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

FINE = AlarmState(name="web-5xx", state="OK", reason="quiet")
RINGING = AlarmState(name="web-hosts", state="ALARM", reason="Threshold Crossed: 3 out of the last 3")
NEW = AlarmState(name="web-p99", state="INSUFFICIENT_DATA", reason="Unchecked: Initial alarm creation")
BEFORE = Moment(group=group(instance("a", "1"), instance("b", "1"), version="1"))
AFTER = Moment(group=group(instance("c"), instance("d")), refresh=refresh("Successful", 100), alarms=(FINE,))


def roll_out(aws: ScriptedRefreshes, *alarm_names: str) -> Outcome:
    """Run the rollout on *aws*, watched by these alarms."""
    return Rollout(
        refreshes=aws,
        group_name="web",
        target=TARGET,
        preferences=replace(PREFERENCES, alarm_names=alarm_names),
        timeout_seconds=3600,
        say=aws.said.append,
        sleep=aws.sleep,
        clock=lambda: aws.seconds,
    ).run()


def test_alarms_that_are_ok_are_no_obstacle() -> None:
    assert find_obstacle("web", ["web-5xx"], [FINE], 0) is None
    assert describe_ringing([FINE]) == ""


def test_a_ringing_alarm_is_given_time_to_stop_and_named_meanwhile() -> None:
    obstacle = find_obstacle("web", ["web-5xx", "web-hosts"], [FINE, RINGING], 179)

    assert obstacle
    assert not obstacle.is_final
    assert obstacle.line.startswith(
        "alarm web-hosts of web rings before the rollout begins: Threshold Crossed"
    )


def test_one_that_goes_on_is_refused_with_its_reason_and_the_way_to_roll_out_the_fix() -> None:
    obstacle = find_obstacle("web", ["web-5xx", "web-hosts"], [FINE, RINGING], 180)

    assert obstacle
    assert obstacle.is_final
    assert obstacle.line.startswith(
        "alarm web-hosts of web rings before the rollout begins: Threshold Crossed"
    )
    assert "pulumi config set alarms false, pulumi up, pulumi config rm alarms" in obstacle.line
    assert "\n" not in obstacle.line


def test_an_alarm_that_somebody_deleted_is_named_with_the_remedy_at_once() -> None:
    obstacle = find_obstacle("web", ["web-5xx", "gone"], [FINE], 0)

    assert obstacle
    assert obstacle.is_final
    assert obstacle.line.startswith("alarm gone of web does not exist")
    assert "pulumi up --refresh" in obstacle.line


def test_a_new_alarm_is_waited_for() -> None:
    obstacle = find_obstacle("web", ["web-p99"], [NEW], 600)

    assert obstacle == Obstacle(line="waiting for the first evaluation of alarm web-p99", is_final=False)


def test_what_rang_is_told_with_a_failure() -> None:
    assert describe_ringing([FINE, RINGING]) == "; alarm web-hosts: Threshold Crossed: 3 out of the last 3"


def test_a_rollout_is_watched_by_its_alarms_and_waits_for_the_first_evaluation_of_new_ones() -> None:
    new = replace(FINE, state="INSUFFICIENT_DATA")
    aws = ScriptedRefreshes([replace(BEFORE, alarms=(new,)), replace(BEFORE, alarms=(FINE,)), AFTER])

    roll_out(aws, "web-5xx")

    assert aws.started[0][1].to_request()["AlarmSpecification"] == {"Alarms": ["web-5xx"]}
    assert aws.said[0] == "rollout    0 s  waiting for the first evaluation of alarm web-5xx"


def test_nothing_is_started_while_an_alarm_goes_on_ringing() -> None:
    aws = ScriptedRefreshes([replace(BEFORE, alarms=(RINGING,))])

    with pytest.raises(RolloutError, match="alarm web-hosts of web rings before the rollout begins"):
        roll_out(aws, "web-hosts")

    assert aws.started == []
    assert aws.seconds >= 180


def test_a_rollout_begins_as_soon_as_the_alarm_of_an_earlier_one_stops() -> None:
    aws = ScriptedRefreshes(
        [replace(BEFORE, alarms=(replace(RINGING, name="web-5xx"),)), replace(BEFORE, alarms=(FINE,)), AFTER]
    )

    assert roll_out(aws, "web-5xx").refresh_id == "r-1"


@pytest.mark.parametrize("rolling_back", ["RollbackInProgress", "RollbackSuccessful", "Failed"])
def test_the_alarm_that_rang_is_named_though_it_is_ok_again_at_the_end(rolling_back: str) -> None:
    preferences = Preferences(alarm_names=("web-hosts",))
    ended = refresh("RollbackSuccessful", rollback_reason="it failed", preferences=preferences)
    aws = ScriptedRefreshes(
        [
            replace(BEFORE, alarms=(replace(RINGING, state="OK"),)),
            replace(BEFORE, refresh=replace(ended, status=rolling_back), alarms=(RINGING,)),
            replace(BEFORE, refresh=ended, alarms=(replace(RINGING, state="OK"),)),
        ]
    )

    with pytest.raises(RolloutError, match="it failed; alarm web-hosts: Threshold Crossed: 3"):
        roll_out(aws, "web-hosts")
