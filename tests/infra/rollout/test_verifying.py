"""What a rollout refuses to call done, and what it waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.rollout.preferences import Preferences
from infra.rollout.rolling import Outcome
from tests.infra.rollout.rollouts import AFTER, BEFORE, failure_of, roll_out
from tests.infra.rollout.worlds import (
    NEW_AMI,
    OLD_AMI,
    UNHEALTHY,
    Moment,
    ScriptedRefreshes,
    group,
    instance,
    refresh,
)


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


def test_refusals_of_an_earlier_try_do_not_end_this_one() -> None:
    earlier = {f"activity-{number}": "No capacity" for number in range(5)}
    aws = ScriptedRefreshes([Moment(group=group(), failed_launches=earlier), Moment(group=AFTER.group)])

    assert roll_out(aws).instances == 2


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
