"""What is told and noted of a refresh until it ends, and when it is turned back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from infra.rollout.course import Course
from infra.rollout.evidence import Evidence
from infra.rollout.following import Follower, Progress
from infra.rollout.preferences import Preferences
from infra.rollout.telling import Teller
from infra.rollout.values import Refresh, TargetHealth
from tests.infra.rollout.rollouts import AFTER, BEFORE, failure_of, roll_out
from tests.infra.rollout.worlds import (
    NEW_AMI,
    OLD_AMI,
    PREFERENCES,
    TARGET,
    UNHEALTHY,
    Moment,
    ScriptedRefreshes,
    group,
    instance,
    refresh,
)


def test_a_reason_that_changes_at_every_look_is_no_flood() -> None:
    waiting = [
        Moment(group=BEFORE.group, refresh=refresh("InProgress", 10, reason=f"Waiting for i-{number}"))
        for number in range(100)
    ]
    aws = ScriptedRefreshes([BEFORE, *waiting, AFTER])

    roll_out(aws)

    assert 10 < len(aws.said) < 55


def test_a_refresh_that_aws_does_not_list_yet_is_waited_for() -> None:
    aws = ScriptedRefreshes([BEFORE, BEFORE, AFTER])

    assert roll_out(aws).instances == 2


def test_the_first_reason_for_waiting_is_told_at_once() -> None:
    waits = refresh("InProgress", 10, reason="Waiting for i-c.")
    aws = ScriptedRefreshes(
        [
            BEFORE,
            *(Moment(group=BEFORE.group, refresh=one) for one in (refresh("InProgress", 10), waits)),
            AFTER,
        ]
    )

    roll_out(aws)

    assert any("Waiting for i-c." in line for line in aws.said)


def test_a_failure_ends_with_the_console_of_the_first_failing_instance_without_control_characters() -> None:
    console = "one\r\n\n\x1b[32mtwo\x1b[0m\nthree\nfour\x07\nfive\nsix  \n"
    sick = Moment(
        group=group(instance("a", "1"), instance("c"), instance("d"), version="1"),
        refresh=refresh("InProgress", 10),
        health={"i-c": UNHEALTHY, "i-d": UNHEALTHY},
        consoles={"i-c": console},
    )
    aws = ScriptedRefreshes([BEFORE, sick, sick, Moment(group=BEFORE.group, refresh=refresh("Failed"))])

    message = failure_of(aws)

    assert "first failing instance i-c: unhealthy" in message
    assert ", its console ends: two | three | four | five | six · " in message
    assert set(aws.consoles_read) == {"i-c"}


def test_a_console_that_may_not_be_read_is_said_and_hides_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_refreshes: object, _instance_id: str) -> str:
        answer = {"Error": {"Code": "UnauthorizedOperation", "Message": "You are not authorized."}}
        raise ClientError(answer, "GetConsoleOutput")  # type: ignore[arg-type]

    monkeypatch.setattr(ScriptedRefreshes, "find_console", refuse)
    sick = Moment(
        group=group(instance("a", "1"), instance("c"), version="1"),
        refresh=refresh("InProgress", 10),
        health={"i-c": UNHEALTHY},
    )
    aws = ScriptedRefreshes([BEFORE, sick, Moment(group=BEFORE.group, refresh=refresh("Failed"))])

    assert ", its console cannot be read (UnauthorizedOperation) · " in failure_of(aws)


def test_an_instance_that_was_only_slow_is_not_called_failing() -> None:
    members = group(instance("a", "1"), instance("c"), version="1")
    aws = ScriptedRefreshes(
        [
            BEFORE,
            Moment(group=members, refresh=refresh("InProgress", 10), health={"i-c": UNHEALTHY}),
            Moment(group=members, refresh=refresh("InProgress", 20)),
            Moment(group=BEFORE.group, refresh=refresh("Failed", reason="An alarm rang.")),
        ]
    )

    assert "first failing" not in failure_of(aws)


def test_an_instance_in_standby_is_named_as_what_is_waited_for() -> None:
    held = group(instance("c"), instance("a", "1", lifecycle_state="Standby"))
    progress = refresh("InProgress", 50, instances_to_update=1)
    aws = ScriptedRefreshes([BEFORE, *[Moment(group=held, refresh=progress)] * 3, AFTER])

    roll_out(aws)

    (line,) = [line for line in aws.said if "i-a" in line]
    assert "waits for i-a, which is in standby: " in line


def test_an_instance_that_is_protected_from_scale_in_is_named_as_what_is_waited_for() -> None:
    held = group(instance("c"), instance("a", "1", is_protected_from_scale_in=True))
    aws = ScriptedRefreshes([BEFORE, Moment(group=held, refresh=refresh("InProgress", 50)), AFTER])

    roll_out(aws)

    assert any("waits for i-a, which is protected from scale in" in line for line in aws.said)


def test_a_large_group_is_described_whole_when_something_changed_and_seldom_otherwise() -> None:
    large = group(*(instance(str(number), "1") for number in range(200)), version="1", desired=200)
    still = Moment(group=large, refresh=refresh("InProgress", 1, instances_to_update=200))
    after = Moment(
        group=group(*(instance(f"new-{number}") for number in range(200)), desired=200),
        refresh=refresh("Successful", 100),
    )
    aws = ScriptedRefreshes([Moment(group=large), *[still] * 30, after])

    roll_out(aws)

    assert len(aws.sleeps) == 31
    assert aws.fleets_described <= 30 / 6 + 4


def test_progress_counts_what_a_scaling_policy_wants_by_now() -> None:
    members = [instance(name, "1") for name in "abcd"]
    larger = group(*members, instance("e"), instance("f"), version="1", desired=6)
    end = group(*(instance(name) for name in "efghij"), desired=6)
    aws = ScriptedRefreshes(
        [
            BEFORE,
            Moment(group=BEFORE.group, refresh=refresh("InProgress", 0)),
            Moment(group=larger, refresh=refresh("InProgress", 33, instances_to_update=4)),
            Moment(group=end, refresh=refresh("Successful", 100, instances_to_update=0)),
        ]
    )

    assert roll_out(aws).instances == 6
    assert any("InProgress, 33 %, 2 of 6 instances replaced" in line for line in aws.said)


@pytest.mark.parametrize("status", ["RollbackInProgress", "Cancelling"])
def test_an_old_instance_is_not_called_in_the_way_of_a_refresh_that_goes_back(status: str) -> None:
    held = group(instance("c"), instance("a", "1", is_protected_from_scale_in=True))
    ended = refresh("RollbackSuccessful")
    aws = ScriptedRefreshes(
        [BEFORE, Moment(group=held, refresh=refresh(status, 50)), Moment(group=held, refresh=ended)]
    )

    failure_of(aws)

    assert not any("waits for i-a" in line for line in aws.said)


def never_healthy(*names: str, status: str = "InProgress", **preferences: object) -> Moment:
    """The old instances, and these new ones, which fail."""
    members = group(instance("a", "1"), instance("b", "1"), *map(instance, names), version="1")
    given = replace(PREFERENCES, **preferences)  # type: ignore[arg-type]
    return Moment(
        group=members,
        refresh=refresh(status, preferences=given),
        health={f"i-{name}": UNHEALTHY for name in names},
    )


TURNED_BACK = Moment(
    group=BEFORE.group, refresh=refresh("RollbackSuccessful", rollback_reason="A rollback was requested.")
)


def test_an_image_that_never_gets_healthy_is_turned_back_as_soon_as_that_is_clear() -> None:
    aws = ScriptedRefreshes(
        [
            BEFORE,
            *(never_healthy(*names) for names in ("c", "d", "e", "f", "f")),
            never_healthy("f", status="RollbackInProgress"),
            TURNED_BACK,
        ]
    )

    message = failure_of(aws)

    assert aws.turned_back == [4]
    why = f"3 instances of {NEW_AMI} were lost as unhealthy and none ever served"
    assert [line for line in aws.said if line.endswith(f"  turns r-1 back: {why}")]
    assert f"; turned back, as {why}; first failing instance i-c: unhealthy" in message
    assert f"the group runs {OLD_AMI}" in message


def test_whoever_watches_a_refresh_by_hand_turns_nothing_back() -> None:
    aws = ScriptedRefreshes([*(never_healthy(name) for name in "cdefghi"), TURNED_BACK])
    course = Course(
        refreshes=aws,
        group_name="web",
        target=TARGET,
        teller=Teller(say=aws.said.append, clock=lambda: aws.seconds),
        evidence=Evidence(refreshes=aws, target=TARGET),
        sleep=aws.sleep,
    )

    Follower(course=course, turns_back=False).follow("r-1", total=2, is_own=False)

    assert aws.turned_back == []


def test_an_image_that_served_once_is_left_to_its_alarms_and_to_aws() -> None:
    served = Moment(group=group(instance("a", "1"), instance("ok")), refresh=refresh("InProgress"))
    aws = ScriptedRefreshes([BEFORE, served, *(never_healthy(name) for name in "cdefg"), TURNED_BACK])

    failure_of(aws)

    assert aws.turned_back == []


def test_a_refresh_without_auto_rollback_is_not_turned_back() -> None:
    stuck = (never_healthy(name, auto_rollback=False) for name in "cdefg")
    aws = ScriptedRefreshes([BEFORE, *stuck, Moment(group=BEFORE.group, refresh=refresh("Failed"))])

    failure_of(aws)

    assert aws.turned_back == []


def test_a_rollback_that_may_not_be_asked_for_is_said_once_and_left_to_aws() -> None:
    aws = ScriptedRefreshes([BEFORE, *(never_healthy(name) for name in "cdefghi"), TURNED_BACK])
    refusal = {"Error": {"Code": "AccessDenied", "Message": "no"}}
    aws.why_no_rollback = ClientError(refusal, "RollbackInstanceRefresh")  # type: ignore[arg-type]

    message = failure_of(aws)

    (line,) = [line for line in aws.said if "AccessDenied" in line]
    assert "AWS does not turn back when asked (AccessDenied: no), but when it gives up" in line
    assert "turned back, as" not in message


def test_a_target_that_is_drained_while_it_is_unhealthy_is_evidence() -> None:
    draining = TargetHealth(state="unhealthy.draining", reason="Target.FailedHealthChecks")
    sick = Moment(
        group=group(instance("a", "1"), instance("c"), version="1"),
        refresh=refresh("InProgress", 10),
        health={"i-c": draining},
    )
    aws = ScriptedRefreshes([BEFORE, sick, Moment(group=BEFORE.group, refresh=refresh("Failed"))])

    assert "; first failing instance i-c: unhealthy.draining (Target.FailedHealthChecks)" in failure_of(aws)


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAUSES = Preferences(
    checkpoint_percentages=(34, 67, 100), checkpoint_delay_seconds=300, bake_time_seconds=600
)


def looked_at(status: str, percentage: int, left: int, reason: str = "") -> Refresh:
    return refresh(status, percentage, instances_to_update=left, reason=reason, preferences=PAUSES)


def line(progress: Progress, seen: Refresh, seconds: float = 0) -> str:
    return progress.describe(seen, NOON + timedelta(seconds=seconds))[0]


def test_a_checkpoint_is_told_with_the_time_at_which_it_goes_on() -> None:
    progress = Progress(total=3)

    assert line(progress, looked_at("InProgress", 33, 2, "Warm."), 5) == (
        "InProgress, 33 %, 1 of 3 instances replaced; Warm."
    )
    waits = line(progress, looked_at("InProgress", 66, 1, "Checkpoint."), 10)
    assert waits == (
        "InProgress, 66 %, 2 of 3 instances replaced; checkpoint of 34 % reached, waiting until 12:05:10 UTC"
    )
    assert line(progress, looked_at("InProgress", 66, 1, "Another reason."), 200) == waits
    assert "waiting until" not in line(progress, looked_at("InProgress", 66, 1), 311)


def test_each_checkpoint_has_a_time_of_its_own_and_the_last_one_has_none() -> None:
    progress = Progress(total=100)
    line(progress, looked_at("InProgress", 34, 66))

    assert "checkpoint of 67 % reached, waiting until 12:15:00" in line(
        progress, looked_at("InProgress", 67, 33), 600
    )
    assert "checkpoint" not in line(progress, looked_at("InProgress", 100, 0), 601)


def test_the_bake_time_is_told_with_its_end_and_after_that_with_what_still_keeps_it() -> None:
    progress = Progress(total=3)

    assert line(progress, looked_at("Baking", 100, 0, "Waiting for the bake time.")) == (
        "Baking, 100 %, 3 of 3 instances replaced; baking until 12:10:00 UTC"
    )
    assert line(progress, looked_at("Baking", 100, 0, "i-a is sick."), 601) == (
        "Baking, 100 %, 3 of 3 instances replaced; i-a is sick."
    )


def test_the_end_of_a_pause_that_somebody_else_began_is_not_claimed_to_be_known() -> None:
    progress = Progress(total=3, is_own=False)

    assert "waiting until at the latest 12:05:00 UTC" in line(progress, looked_at("InProgress", 34, 2))
    assert "baking until 12:11:40 UTC" in line(progress, looked_at("Baking", 100, 0), 100)


def test_a_rollback_is_not_counted_as_if_it_replaced_towards_the_target() -> None:
    assert line(Progress(total=3), looked_at("RollbackInProgress", 33, 2, "Going back.")) == (
        "RollbackInProgress, 33 %, 2 to update; Going back."
    )


def test_a_rollback_that_has_ended_is_told_without_the_counts_of_what_was_taken_back() -> None:
    assert line(Progress(total=3), looked_at("RollbackSuccessful", 0, 3)) == "RollbackSuccessful"


def test_reasons_that_follow_each_other_are_one_subject_and_a_change_is_another() -> None:
    progress = Progress(total=3)

    one, two, three = (
        progress.describe(seen, NOON)[1]
        for seen in (
            looked_at("InProgress", 0, 3, "i-a warms."),
            looked_at("InProgress", 0, 3, "i-b warms."),
            looked_at("InProgress", 33, 2, "i-b warms."),
        )
    )

    assert one == two != three
