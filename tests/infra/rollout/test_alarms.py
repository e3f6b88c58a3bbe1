"""What alarms mean for a rollout, and what a person is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.rollout.alarms import AlarmState, AlarmWatch, describe_ringing
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
AFTER_ALARM = replace(BEFORE, alarms=(FINE,))
AFTER = Moment(group=group(instance("c"), instance("d")), refresh=refresh("Successful", 100), alarms=(FINE,))


def roll_out(aws: ScriptedRefreshes, *alarm_names: str, on_refresh_in_progress: str = "fail") -> Outcome:
    """Run the rollout on *aws*, watched by these alarms."""
    return Rollout(
        refreshes=aws,
        group_name="web",
        target=TARGET,
        preferences=replace(PREFERENCES, alarm_names=alarm_names),
        on_refresh_in_progress=on_refresh_in_progress,
        timeout_seconds=3600,
        say=aws.said.append,
        sleep=aws.sleep,
        clock=lambda: aws.seconds,
    ).run()


def test_alarms_that_are_ok_are_no_obstacle() -> None:
    assert AlarmWatch().find_obstacle("web", ["web-5xx"], [FINE], 0) == ""
    assert describe_ringing([FINE]) == ""


def test_a_ringing_alarm_is_given_time_from_when_it_was_found_and_then_refused_with_the_way_out() -> None:
    watch, names = AlarmWatch(), ["web-5xx", "web-hosts"]
    assert watch.find_obstacle("web", names, [FINE, replace(RINGING, state="OK")], 0) == ""

    for seconds in (1000, 1179):
        line = watch.find_obstacle("web", names, [FINE, RINGING], seconds)
        assert line.startswith("alarm web-hosts of web rings before the rollout begins: Threshold Crossed")
    with pytest.raises(RolloutError) as refusal:
        watch.find_obstacle("web", names, [FINE, RINGING], 1180)

    assert str(refusal.value).startswith("alarm web-hosts of web rings before the rollout begins: Threshold")
    assert "pulumi config set alarms false, pulumi up, pulumi config rm alarms" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_alarm_that_stopped_meanwhile_is_given_its_time_anew() -> None:
    watch = AlarmWatch()

    watch.find_obstacle("web", ["web-hosts"], [RINGING], 0)
    watch.find_obstacle("web", ["web-hosts"], [replace(RINGING, state="OK")], 100)

    assert watch.find_obstacle("web", ["web-hosts"], [RINGING], 200)


def test_an_alarm_that_somebody_deleted_is_named_with_the_remedy_at_once() -> None:
    with pytest.raises(RolloutError, match=r"^alarm gone of web does not exist · .* pulumi up --refresh"):
        AlarmWatch().find_obstacle("web", ["web-5xx", "gone"], [FINE], 0)


def test_a_new_alarm_is_waited_for_and_one_without_data_is_not_waited_for_until_the_deadline() -> None:
    watch = AlarmWatch()

    line = watch.find_obstacle("web", ["web-p99"], [NEW], 50)
    assert line == (
        "alarm web-p99 of web has no data yet: Unchecked: Initial alarm creation · waiting up to 600 s "
        "for it to be OK"
    )
    assert watch.find_obstacle("web", ["web-p99"], [NEW], 649) == line
    with pytest.raises(RolloutError, match=r"expected within 10 minutes · see that it has data"):
        watch.find_obstacle("web", ["web-p99"], [NEW], 650)


def test_what_rang_is_told_with_a_failure() -> None:
    assert describe_ringing([FINE, RINGING]) == "; alarm web-hosts: Threshold Crossed: 3 out of the last 3"


def test_a_rollout_is_watched_by_its_alarms_and_waits_for_the_first_evaluation_of_new_ones() -> None:
    new = replace(FINE, state="INSUFFICIENT_DATA")
    aws = ScriptedRefreshes([replace(BEFORE, alarms=(new,)), replace(BEFORE, alarms=(FINE,)), AFTER])

    roll_out(aws, "web-5xx")

    assert aws.started[0][1].to_request()["AlarmSpecification"] == {"Alarms": ["web-5xx"]}
    assert "alarm web-5xx of web has no data yet: quiet · waiting up to 600 s" in aws.said[0]


def test_nothing_is_started_while_an_alarm_goes_on_ringing() -> None:
    aws = ScriptedRefreshes([replace(BEFORE, alarms=(RINGING,))])

    with pytest.raises(RolloutError, match="alarm web-hosts of web rings before the rollout begins"):
        roll_out(aws, "web-hosts")

    assert aws.started == []
    assert aws.seconds >= 180


def test_an_alarm_without_data_ends_a_rollout_that_started_nothing_long_before_its_deadline() -> None:
    aws = ScriptedRefreshes([replace(BEFORE, alarms=(NEW,))])

    with pytest.raises(RolloutError, match="alarm web-p99 of web has no data yet"):
        roll_out(aws, "web-p99")

    assert aws.started == []
    assert 600 <= aws.seconds < 620


def test_the_time_that_an_alarm_has_to_stop_is_not_used_up_by_waiting_for_somebody_else() -> None:
    other = refresh("InProgress", refresh_id="r-9", launch_template_version="7")
    waiting = [replace(BEFORE, refresh=other)] * 40
    aws = ScriptedRefreshes(
        [*waiting, *[replace(BEFORE, alarms=(replace(RINGING, name="web-5xx"),))] * 3, AFTER_ALARM, AFTER]
    )

    assert roll_out(aws, "web-5xx", on_refresh_in_progress="wait").refresh_id == "r-1"


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
