"""The rollout against an AWS that plays a script: what it does, says, and makes of how it ended."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from infra.rollout.errors import (
    RolloutDeadlineError,
)
from infra.rollout.rolling import Outcome
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


def test_starts_a_refresh_with_the_target_and_succeeds_when_all_run_it() -> None:
    aws = ScriptedRefreshes([BEFORE, Moment(group=BEFORE.group, refresh=refresh("InProgress", 50)), AFTER])

    outcome = roll_out(aws)

    assert outcome == Outcome(refresh_id="r-1", instances=2)
    assert aws.started == [(TARGET, PREFERENCES)]


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


def test_looks_at_growing_intervals_up_to_fifteen_seconds() -> None:
    waiting = Moment(group=BEFORE.group, refresh=refresh("InProgress"))
    aws = ScriptedRefreshes([BEFORE, *[waiting] * 20, AFTER])

    roll_out(aws)

    assert aws.sleeps[0] == 5
    assert aws.sleeps == sorted(aws.sleeps)
    assert aws.sleeps[-1] == 15


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


def test_a_first_version_that_failed_is_not_offered_as_a_pin() -> None:
    ended = refresh("Failed", reason="No.")
    on_target = group(instance("a"), instance("b", "1"))
    aws = ScriptedRefreshes([Moment(group=on_target), Moment(group=on_target, refresh=ended)])

    assert "pinnedAmi" not in failure_of(aws)


@pytest.mark.parametrize("delay", ["soon", "0", "-1", "nan", "inf", "1e9"])
def test_a_poll_delay_that_is_no_number_of_seconds_is_named(
    delay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", delay)

    assert f"AWS_POLL_DELAY_SECONDS is '{delay}'" in failure_of(ScriptedRefreshes([BEFORE]))


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
