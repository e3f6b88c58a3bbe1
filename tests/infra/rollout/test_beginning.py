"""Which refresh a rollout starts, adopts, waits for or refuses, against an AWS that plays a script."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from infra.rollout.errors import (
    RefreshInProgressError,
    RolloutDeadlineError,
    RolloutError,
    StartUnansweredError,
)
from infra.rollout.preferences import Preferences
from tests.infra.rollout.rollouts import AFTER, BEFORE, failure_of, roll_out
from tests.infra.rollout.worlds import (
    NEW_AMI,
    OLD_AMI,
    PREFERENCES,
    Moment,
    ScriptedRefreshes,
    group,
    instance,
    refresh,
)


def test_a_group_that_is_wholly_on_the_target_is_left_alone() -> None:
    aws = ScriptedRefreshes([Moment(group=AFTER.group)])

    assert roll_out(aws).refresh_id is None
    assert aws.started == []


def test_a_group_that_names_the_target_but_runs_something_else_is_refreshed() -> None:
    aws = ScriptedRefreshes([Moment(group=group(instance("a", "1"), instance("b"))), AFTER])

    assert roll_out(aws).refresh_id == "r-1"


def test_a_group_that_runs_the_target_but_names_something_else_is_refreshed() -> None:
    aws = ScriptedRefreshes([Moment(group=group(instance("a"), instance("b"), version="1")), AFTER])

    assert roll_out(aws).refresh_id == "r-1"


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Baking"])
def test_a_refresh_that_already_leads_to_the_target_is_followed(status: str) -> None:
    aws = ScriptedRefreshes([Moment(group=BEFORE.group, refresh=refresh(status, 20)), AFTER])

    outcome = roll_out(aws)

    assert outcome.refresh_id == "r-1"
    assert aws.started == []
    assert f"r-1 already leads to {NEW_AMI}" in aws.said[0]


@pytest.mark.parametrize(
    "running",
    [
        refresh("InProgress", launch_template_version="7"),
        refresh("InProgress", launch_template_id="lt-9"),
        refresh("InProgress", launch_template_id=None, launch_template_version=None),
    ],
)
def test_somebody_elses_refresh_is_left_alone_and_named(running: object) -> None:
    aws = ScriptedRefreshes([Moment(group=BEFORE.group, refresh=running)])  # type: ignore[arg-type]

    message = failure_of(aws)

    assert aws.started == []
    assert "instance refresh r-1 of web" in message
    assert "pulumi config set onRefreshInProgress wait" in message


def test_a_refresh_that_another_run_starts_at_the_same_moment_is_followed() -> None:
    aws = ScriptedRefreshes(
        [BEFORE, Moment(group=BEFORE.group, refresh=refresh("InProgress", 10)), AFTER], starts=[None]
    )

    outcome = roll_out(aws)

    assert outcome.refresh_id == "r-1"
    assert aws.started == []


def test_gives_up_when_aws_says_again_and_again_that_another_refresh_runs() -> None:
    aws = ScriptedRefreshes([BEFORE], starts=[None] * 5)

    with pytest.raises(RefreshInProgressError, match="did not start one in 5 tries"):
        roll_out(aws)


@pytest.mark.parametrize(
    ("on_refresh_in_progress", "ends"), [("fail", "Cancelled"), ("wait", "RollbackFailed")]
)
def test_an_earlier_refresh_to_the_target_that_is_being_ended_is_followed_and_its_end_told(
    on_refresh_in_progress: str, ends: str
) -> None:
    status = "Cancelling" if ends == "Cancelled" else "RollbackInProgress"
    aws = ScriptedRefreshes(
        [
            Moment(group=BEFORE.group, refresh=refresh(status, 20)),
            Moment(group=BEFORE.group, refresh=refresh(ends, rollback_reason="i-c became unhealthy.")),
        ]
    )

    with pytest.raises(RolloutError, match=f"ended {ends}: i-c became unhealthy · the group runs {OLD_AMI}"):
        roll_out(aws, on_refresh_in_progress=on_refresh_in_progress)

    assert aws.started == []
    assert f"r-1 to {NEW_AMI} is {status}: following it to its end" in aws.said[0]


def test_an_earlier_refresh_to_the_target_that_somebody_stops_is_waited_for_where_that_is_wished() -> None:
    stopped = refresh("Cancelling", refresh_id="r-9"), refresh("Cancelled", refresh_id="r-9")
    aws = ScriptedRefreshes([*(Moment(group=BEFORE.group, refresh=one) for one in stopped), AFTER])

    assert roll_out(aws, on_refresh_in_progress="wait").refresh_id == "r-1"


def elsewhere(status: str, percentage: int = 40) -> Moment:
    """The group while somebody else's refresh, to version 7, is under way or has ended."""
    return Moment(
        group=BEFORE.group,
        refresh=refresh(status, percentage, refresh_id="r-9", launch_template_version="7"),
    )


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"])
def test_somebody_elses_refresh_is_waited_for_where_that_is_wished_and_then_ours_starts(status: str) -> None:
    aws = ScriptedRefreshes([elsewhere(status), elsewhere(status), elsewhere("Cancelled"), AFTER])

    outcome = roll_out(aws, on_refresh_in_progress="wait")

    assert outcome.refresh_id == "r-1"
    assert len(aws.started) == 1
    assert aws.cancelled == []
    waits = "waits for refresh r-9 to launch template version 7 to end"
    assert [line for line in aws.said if waits in line] == [
        f"rollout    0 s  {waits}: {status}, 40 %, 2 to update"
    ]


def test_waiting_for_somebody_elses_refresh_ends_at_the_deadline() -> None:
    aws = ScriptedRefreshes([elsewhere("InProgress")])

    with pytest.raises(RolloutDeadlineError, match=r"waits for refresh r-9 .* nothing was started"):
        roll_out(aws, 60, on_refresh_in_progress="wait")
    assert aws.started == []


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Baking", "RollbackInProgress"])
def test_somebody_elses_refresh_is_cancelled_once_where_that_is_wished_and_its_end_is_waited_for(
    status: str,
) -> None:
    aws = ScriptedRefreshes(
        [elsewhere(status), elsewhere("Cancelling"), elsewhere("Cancelling"), elsewhere("Cancelled"), AFTER]
    )

    outcome = roll_out(aws, on_refresh_in_progress="cancel")

    assert outcome.refresh_id == "r-1"
    assert aws.cancelled == [0]
    assert "cancels refresh r-9, as onRefreshInProgress says" in aws.said[0]


def test_a_refresh_whose_start_was_not_answered_is_followed_to_its_bad_end_and_no_second_one_starts() -> None:
    failed = Moment(group=BEFORE.group, refresh=refresh("RollbackSuccessful", reason="Sick."))
    aws = ScriptedRefreshes([BEFORE, failed], starts=[StartUnansweredError("Throttling: Slow down")])

    message = failure_of(aws)

    assert aws.started == []
    assert "ended RollbackSuccessful: Sick" in message
    assert "AWS does not answer the start of a refresh (Throttling: Slow down), looking again" in aws.said[0]


def test_a_start_that_is_not_answered_for_long_is_tried_until_it_is() -> None:
    lost = StartUnansweredError("Throttling: Slow down")
    aws = ScriptedRefreshes([*[BEFORE] * 20, AFTER], starts=[*[lost] * 12, "r-1"])

    assert roll_out(aws).refresh_id == "r-1"
    assert len(aws.started) == 1


def test_an_earlier_failed_refresh_to_the_same_target_is_not_taken_for_the_one_that_is_started() -> None:
    earlier = Moment(group=BEFORE.group, refresh=refresh("RollbackSuccessful", refresh_id="r-0"))
    aws = ScriptedRefreshes([earlier, earlier, AFTER], starts=[None, "r-1"])

    assert roll_out(aws).refresh_id == "r-1"


def test_what_another_refresh_to_the_target_does_otherwise_is_said() -> None:
    ours = replace(PREFERENCES, bake_time_seconds=300, alarm_names=("web-5xx",))
    theirs = Preferences(min_healthy_percentage=0, standby_instances="Wait", checkpoint_percentages=(50, 100))
    aws = ScriptedRefreshes(
        [Moment(group=BEFORE.group, refresh=refresh("InProgress", 20, preferences=theirs)), AFTER]
    )

    roll_out(aws, preferences=ours)

    assert aws.said[1] == (
        "rollout    0 s  it was started with other preferences: MinHealthyPercentage 0 (100 here), "
        "MaxHealthyPercentage 100 (150 here), BakeTime 0 (300 here), AlarmSpecification none (web-5xx here), "
        "AutoRollback False (True here), CheckpointPercentages 50, 100 (none here)"
    )


def test_a_refresh_of_our_own_that_was_left_behind_has_no_other_preferences() -> None:
    running = refresh(
        "InProgress", 20, preferences=replace(PREFERENCES, bake_time_seconds=0, skip_matching=False)
    )
    aws = ScriptedRefreshes([Moment(group=BEFORE.group, refresh=running), AFTER])

    roll_out(aws)

    assert not any("other preferences" in line for line in aws.said)


def test_protected_instances_that_a_refresh_would_ignore_are_named_before_anything_starts() -> None:
    protected = [instance(name, "1", is_protected_from_scale_in=True) for name in "abcdefg"]
    fresh = instance("new", is_protected_from_scale_in=True)
    aws = ScriptedRefreshes([Moment(group=group(fresh, *protected, version="1", desired=8))])

    with pytest.raises(RolloutError) as failure:
        roll_out(aws, preferences=replace(PREFERENCES, scale_in_protected_instances="Ignore"))

    message = str(failure.value)
    assert "\n" not in message
    assert f"i-a with {OLD_AMI}" in message
    assert f"i-e with {OLD_AMI} and 2 more; nothing was started" in message
    assert "i-new" not in message
    assert "pulumi config set scaleInProtectedInstances Refresh" in message
    assert aws.started == []


def test_a_group_that_names_the_same_version_of_another_launch_template_is_refreshed() -> None:
    other = replace(AFTER.group, launch_template_id="lt-2")
    aws = ScriptedRefreshes([Moment(group=other), AFTER])

    assert roll_out(aws).refresh_id == "r-1"


def test_an_instance_of_another_launch_template_is_not_on_the_target() -> None:
    strange = group(instance("a"), instance("b", launch_template_id="lt-2"))
    aws = ScriptedRefreshes([Moment(group=strange), AFTER])

    assert roll_out(aws).refresh_id == "r-1"


@pytest.mark.parametrize("code", ["AccessDenied", "LimitExceeded", "ExpiredToken"])
def test_a_start_that_is_refused_claims_no_refresh_and_one_that_was_begun_is_said_to_go_on(code: str) -> None:
    refusal = ClientError({"Error": {"Code": code, "Message": "no"}}, "StartInstanceRefresh")

    message = failure_of(ScriptedRefreshes([BEFORE], starts=[refusal]))

    assert message.endswith("; nothing was started")
    lost = [StartUnansweredError("Throttling"), refusal]
    message = failure_of(ScriptedRefreshes([BEFORE], starts=lost))
    assert message.endswith(
        "whether AWS started an instance refresh is not known; one that was started goes on"
    )
