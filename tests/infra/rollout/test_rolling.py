"""The rollout against an AWS that plays a script: what it does, says, waits for and refuses to call done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from infra.rollout.course import Course
from infra.rollout.errors import (
    RefreshInProgressError,
    RolloutDeadlineError,
    RolloutError,
    StartUnansweredError,
)
from infra.rollout.evidence import Evidence
from infra.rollout.following import Follower
from infra.rollout.preferences import Preferences
from infra.rollout.rolling import Outcome, Rollout
from infra.rollout.telling import Teller
from infra.rollout.values import TargetHealth
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

BEFORE = Moment(group=group(instance("a", "1"), instance("b", "1"), version="1"))
AFTER = Moment(group=group(instance("c"), instance("d")), refresh=refresh("Successful", 100))


@pytest.fixture(autouse=True)
def five_seconds_between_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "5")


def roll_out(
    aws: ScriptedRefreshes,
    timeout_seconds: float = 3600,
    *,
    on_refresh_in_progress: str = "fail",
    preferences: Preferences = PREFERENCES,
    stack: str = "",
) -> Outcome:
    """Run the rollout on *aws*; what it says is kept there."""
    return Rollout(
        refreshes=aws,
        group_name="web",
        target=TARGET,
        preferences=preferences,
        on_refresh_in_progress=on_refresh_in_progress,
        timeout_seconds=timeout_seconds,
        stack=stack,
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


def test_starts_a_refresh_with_the_target_and_succeeds_when_all_run_it() -> None:
    aws = ScriptedRefreshes([BEFORE, Moment(group=BEFORE.group, refresh=refresh("InProgress", 50)), AFTER])

    outcome = roll_out(aws)

    assert outcome == Outcome(refresh_id="r-1", instances=2)
    assert aws.started == [(TARGET, PREFERENCES)]


def test_the_ami_of_a_rollout_that_succeeded_is_marked_as_verified_in_the_stack() -> None:
    aws = ScriptedRefreshes([BEFORE, AFTER])

    roll_out(aws, stack="dev")

    assert list(aws.verified) == [f"{NEW_AMI} dev"]
    assert datetime.fromisoformat(aws.verified[f"{NEW_AMI} dev"]).tzinfo is UTC


def test_a_group_that_is_on_the_image_already_marks_it_as_well() -> None:
    aws = ScriptedRefreshes([Moment(group=group(instance("a"), instance("b")))])

    assert roll_out(aws, stack="dev").refresh_id is None

    assert list(aws.verified) == [f"{NEW_AMI} dev"]


def test_the_ami_of_a_rollout_that_failed_is_not_marked() -> None:
    failed = Moment(group=BEFORE.group, refresh=refresh("RollbackSuccessful", 0))
    aws = ScriptedRefreshes([BEFORE, failed])

    with pytest.raises(RolloutError):
        roll_out(aws, stack="dev")

    assert aws.verified == {}


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("UnauthorizedOperation", "ec2:CreateTags was expected to be allowed · allow it and"),
        (
            "TagLimitExceeded",
            "room for one among the 50 that AWS allows was expected · remove one of a stack that is gone: "
            f"aws ec2 delete-tags --resources {NEW_AMI} --tags Key=VerifiedIn:STACK; then",
        ),
        ("InvalidAMIID.NotFound", "AWS was expected to take it · mend that and"),
    ],
)
def test_a_mark_that_aws_refuses_fails_the_rollout_and_says_that_the_fleet_is_on_the_image(
    code: str, remedy: str
) -> None:
    aws = ScriptedRefreshes([BEFORE, AFTER])
    aws.why_no_tag = ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateTags")

    with pytest.raises(RolloutError) as failure:
        roll_out(aws, stack="dev")

    assert str(failure.value) == (
        f"web is on {NEW_AMI}, which could not be tagged VerifiedIn:dev: {code}: no · {remedy} run pulumi up "
        "again, which replaces nothing and tags it"
    )


def test_says_the_plan_each_change_and_the_end_with_the_time() -> None:
    aws = ScriptedRefreshes(
        [
            BEFORE,
            Moment(group=BEFORE.group, refresh=refresh("InProgress", 50, instances_to_update=1)),
            Moment(group=BEFORE.group, refresh=refresh("InProgress", 50, instances_to_update=1)),
            AFTER,
        ]
    )

    roll_out(aws)

    assert aws.said == [
        f"rollout    0 s  r-1 to {NEW_AMI} started: 2 instances, one extra at a time, never fewer than 2",
        "rollout    5 s  InProgress, 50 %, 1 of 2 instances replaced",
        "rollout   18 s  Successful, 100 %, 0 of 2 instances replaced",
        f"rollout   18 s  all 2 instances in service and healthy on {NEW_AMI}",
    ]


def test_a_reason_that_changes_at_every_look_is_no_flood() -> None:
    waiting = [
        Moment(group=BEFORE.group, refresh=refresh("InProgress", 10, reason=f"Waiting for i-{number}"))
        for number in range(100)
    ]
    aws = ScriptedRefreshes([BEFORE, *waiting, AFTER])

    roll_out(aws)

    assert 10 < len(aws.said) < 55


def test_looks_at_growing_intervals_up_to_fifteen_seconds() -> None:
    waiting = Moment(group=BEFORE.group, refresh=refresh("InProgress"))
    aws = ScriptedRefreshes([BEFORE, *[waiting] * 20, AFTER])

    roll_out(aws)

    assert aws.sleeps[0] == 5
    assert aws.sleeps == sorted(aws.sleeps)
    assert aws.sleeps[-1] == 15


def test_the_first_deployment_waits_for_health_and_starts_nothing() -> None:
    one, two = instance("a"), instance("b")
    aws = ScriptedRefreshes(
        [
            Moment(group=group()),
            Moment(group=group(one)),
            Moment(group=group(one, two), health={"i-b": UNHEALTHY}),
            Moment(group=group(one, two)),
        ]
    )

    outcome = roll_out(aws)

    assert outcome == Outcome(refresh_id=None, instances=2)
    assert aws.started == []
    assert [line.split("  ")[-1] for line in aws.said] == [
        f"no instance to replace, web is on {NEW_AMI}",
        "0 of 2 instances in service",
        "1 of 2 instances in service",
        "1 of 2 targets healthy; i-b is unhealthy (Target.FailedHealthChecks: Health checks failed)",
        f"all 2 instances in service and healthy on {NEW_AMI}",
    ]


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


def test_a_refresh_that_aws_does_not_list_yet_is_waited_for() -> None:
    aws = ScriptedRefreshes([BEFORE, BEFORE, AFTER])

    assert roll_out(aws).instances == 2


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


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"])
def test_a_failure_counts_the_instances_of_each_image_that_are_really_there(status: str) -> None:
    leaving = instance("b", "1", lifecycle_state="Terminating")
    mixed = group(instance("a", "1"), instance("c"), leaving, version="1")
    aws = ScriptedRefreshes([BEFORE, Moment(group=mixed, refresh=refresh(status, 50))])

    assert (
        f" · instances: 1 runs {OLD_AMI}, 1 runs {NEW_AMI}; the group launches {OLD_AMI} (launch template "
        "version 1) · "
    ) in failure_of(aws)


def test_a_failure_that_left_no_instance_says_so() -> None:
    empty = group(version="1")
    aws = ScriptedRefreshes([BEFORE, Moment(group=empty, refresh=refresh("Failed"))])

    assert f"the group has no instances and launches {OLD_AMI}" in failure_of(aws)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("Failed", "mend the image and run pulumi up again"),
        ("Cancelled", "run pulumi up again to go on"),
        ("RollbackSuccessful", "mend the image and run pulumi up again"),
        ("RollbackFailed", "mend what kept the old image from starting and run pulumi up again"),
    ],
)
def test_every_other_end_fails_with_what_happened_why_both_amis_and_what_to_do(
    status: str, remedy: str
) -> None:
    sick = group(instance("a", "1"), instance("c", "2"), version="1")
    aws = ScriptedRefreshes(
        [
            BEFORE,
            Moment(group=sick, refresh=refresh("InProgress", 10), health={"i-c": UNHEALTHY}),
            Moment(group=BEFORE.group, refresh=refresh(status, 10, reason="It did not get healthy.")),
        ]
    )

    message = failure_of(aws)

    assert message == (
        f"rollout of {NEW_AMI} to web ended {status}: It did not get healthy; first failing instance i-c: "
        f"unhealthy (Target.FailedHealthChecks: Health checks failed) · the group runs {OLD_AMI} (launch "
        f"template version 1) · {remedy}, or keep the old one: pulumi config set pinnedAmi {OLD_AMI}"
    )


def test_the_reason_of_a_rollback_is_told_rather_than_that_of_its_end() -> None:
    ended = refresh("RollbackSuccessful", reason="Done.", rollback_reason="The alarm web-5xx rang.")
    aws = ScriptedRefreshes([BEFORE, Moment(group=BEFORE.group, refresh=ended)])

    assert "ended RollbackSuccessful: The alarm web-5xx rang ·" in failure_of(aws)


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


def test_success_by_word_is_no_success_while_an_instance_runs_another_version() -> None:
    stray = group(instance("c"), instance("a", "1", lifecycle_state="Standby"))
    aws = ScriptedRefreshes([BEFORE, Moment(group=stray, refresh=refresh("Successful", 100))])

    message = failure_of(aws)

    assert f"i-a of web is Standby with {OLD_AMI}" in message
    assert "standby or scale-in protection" in message


def test_success_by_word_is_no_success_while_an_instance_runs_another_ami() -> None:
    stray = group(instance("c"), instance("d", ami_id=OLD_AMI))
    aws = ScriptedRefreshes([BEFORE, Moment(group=stray, refresh=refresh("Successful", 100))])

    assert f"i-d of web is InService with {OLD_AMI}" in failure_of(aws)


def test_an_instance_on_its_way_out_does_not_count() -> None:
    leaving = instance("a", "1", lifecycle_state="Terminating:Wait")
    aws = ScriptedRefreshes(
        [BEFORE, Moment(group=group(instance("c"), instance("d"), leaving), refresh=refresh("Successful"))]
    )

    assert roll_out(aws).instances == 2


def test_an_instance_that_ec2_does_not_describe_yet_is_waited_for() -> None:
    unseen = group(instance("c"), instance("d", ami_id=None))
    aws = ScriptedRefreshes([BEFORE, Moment(group=unseen, refresh=refresh("Successful")), AFTER])

    roll_out(aws)

    assert any("EC2 does not say yet which AMI i-d runs" in line for line in aws.said)


def test_targets_that_turn_unhealthy_after_the_refresh_keep_it_from_succeeding() -> None:
    sick = Moment(group=AFTER.group, refresh=refresh("Successful", 100), health={"i-d": UNHEALTHY})
    aws = ScriptedRefreshes([BEFORE, sick])

    message = failure_of(aws, timeout_seconds=60)

    assert "1 of 2 targets healthy; i-d is unhealthy" in message
    assert "every instance should be in service and healthy" in message
    assert "no instance refresh is under way; run pulumi up again, or raise" in message
    assert "AWS goes on" not in message


def test_the_deadline_ends_the_waiting_and_says_that_aws_goes_on() -> None:
    aws = ScriptedRefreshes([BEFORE, Moment(group=BEFORE.group, refresh=refresh("InProgress", 30))])

    with pytest.raises(RolloutDeadlineError) as failure:
        roll_out(aws, timeout_seconds=120)

    assert "web is not on ami-00000000000000002 after 2 minutes: InProgress, 30 %" in str(failure.value)
    assert f"should have ended; the group launches {OLD_AMI} · the instance refresh goes on; " in str(
        failure.value
    )
    assert "run pulumi up again to follow it, or raise rolloutTimeoutMinutes" in str(failure.value)
    assert 120 < aws.seconds < 140


def test_launches_that_aws_refuses_again_and_again_end_the_first_deployment_early() -> None:
    refusals = {f"activity-{number}": f"No capacity ({number})" for number in range(5)}
    earlier = dict(list(refusals.items())[:2])
    aws = ScriptedRefreshes(
        [
            Moment(group=group(), failed_launches=earlier),
            Moment(group=group(), failed_launches=dict(list(refusals.items())[:4])),
            Moment(group=group(), failed_launches=refusals),
        ]
    )

    message = failure_of(aws)

    assert f"web cannot launch {NEW_AMI}: No capacity (2)" in message
    assert aws.seconds < 20


def test_an_image_whose_machines_fail_one_after_the_other_ends_the_first_deployment_early() -> None:
    def sick(*names: str) -> Moment:
        members = [instance(name) for name in names]
        return Moment(group=group(*members), health={f"i-{name}": UNHEALTHY for name in names})

    aws = ScriptedRefreshes([sick("a", "b"), sick("a", "b"), sick("c", "d"), sick("e", "f")])

    message = failure_of(aws)

    assert f"web replaced 4 instances of {NEW_AMI} as unhealthy and none serves" in message
    assert "first failing instance i-a: unhealthy (Target.FailedHealthChecks" in message
    assert aws.seconds < 30


def test_a_machine_that_is_replaced_while_others_serve_ends_nothing() -> None:
    def one_sick(name: str) -> Moment:
        return Moment(group=group(instance("good"), instance(name)), health={f"i-{name}": UNHEALTHY})

    aws = ScriptedRefreshes([*(one_sick(f"bad-{number}") for number in range(9)), Moment(group=AFTER.group)])

    assert roll_out(aws).instances == 2


def test_a_first_version_that_failed_is_not_offered_as_a_pin() -> None:
    ended = refresh("Failed", reason="No.")
    on_target = group(instance("a"), instance("b", "1"))
    aws = ScriptedRefreshes([Moment(group=on_target), Moment(group=on_target, refresh=ended)])

    assert "pinnedAmi" not in failure_of(aws)


def test_refusals_of_an_earlier_try_do_not_end_this_one() -> None:
    earlier = {f"activity-{number}": "No capacity" for number in range(5)}
    aws = ScriptedRefreshes([Moment(group=group(), failed_launches=earlier), Moment(group=AFTER.group)])

    assert roll_out(aws).instances == 2


@pytest.mark.parametrize("delay", ["soon", "0", "-1", "nan", "inf", "1e9"])
def test_a_poll_delay_that_is_no_number_of_seconds_is_named(
    delay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", delay)

    assert f"AWS_POLL_DELAY_SECONDS is '{delay}'" in failure_of(ScriptedRefreshes([BEFORE]))


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


def test_an_instance_in_standby_that_is_to_be_ignored_keeps_no_rollout_from_succeeding() -> None:
    left = group(instance("c"), instance("d"), instance("a", "1", lifecycle_state="Standby"))
    ignoring = Preferences(standby_instances="Ignore")
    aws = ScriptedRefreshes(
        [BEFORE, Moment(group=left, refresh=refresh("Successful", 100, preferences=ignoring))]
    )

    assert roll_out(aws, preferences=ignoring).instances == 2
    assert not any("waits for" in line for line in aws.said)


def test_a_description_that_is_older_than_the_end_is_looked_at_again() -> None:
    stale = Moment(group=BEFORE.group, refresh=refresh("Successful", 100))
    aws = ScriptedRefreshes([BEFORE, stale, stale, AFTER])

    assert roll_out(aws).instances == 2


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


def test_an_image_that_no_instance_ran_is_not_marked_as_verified_and_that_is_said() -> None:
    aws = ScriptedRefreshes([Moment(group=group(desired=0))])

    assert roll_out(aws, stack="dev").instances == 0

    assert aws.verified == {}
    assert f"no instance ran {NEW_AMI}, so it is not tagged VerifiedIn:dev" in aws.said[-1]


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


@pytest.mark.parametrize("named", [{"launch_template_id": "lt-2"}, {"launch_template_version": "1"}])
def test_success_by_word_is_no_success_while_the_group_itself_would_launch_something_else(
    named: dict[str, str],
) -> None:
    moved = replace(AFTER.group, **named)  # type: ignore[arg-type]
    aws = ScriptedRefreshes([BEFORE, Moment(group=moved, refresh=refresh("Successful", 100))])

    message = failure_of(aws)

    assert "web launches version " in message
    assert "version 2 of lt-1 was expected" in message
    assert aws.seconds < 60


NOT_FOUND = ClientError(
    {"Error": {"Code": "ValidationError", "Message": "AutoScalingGroup name not found - web"}},
    "DescribeInstanceRefreshes",
)


def test_a_group_that_is_deleted_meanwhile_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = ScriptedRefreshes([BEFORE, Moment(group=BEFORE.group, refresh=refresh("InProgress", 50)), AFTER])

    def find(_group_name: str, _refresh_id: str) -> None:
        raise NOT_FOUND

    monkeypatch.setattr(aws, "find", find)

    message = failure_of(aws)

    assert message.startswith(
        "Auto Scaling group web is gone (ValidationError: AutoScalingGroup name not found"
    )
    assert message.endswith("run pulumi refresh, then pulumi up")
    assert "goes on" not in message


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
