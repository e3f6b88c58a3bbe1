"""What a group does by itself: come into service, replace the ill, keep its capacity, go away."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.auto_scaling.decide import decide
from local_aws.auto_scaling.placement import choose_for_scale_in, choose_subnets
from local_aws.auto_scaling.refresh import Status
from local_aws.auto_scaling.values import (
    BeginTermination,
    Concern,
    DeleteGroup,
    EnterService,
    Forget,
    Launch,
    Lifecycle,
    MarkUnhealthy,
    SetTargets,
    Terminate,
)
from tests.local_aws.auto_scaling.worlds import NEW, OLD, TARGET_GROUP, group, member, refresh, target

UNHEALTHY = (target("unhealthy", "Target.FailedHealthChecks", "Health checks failed"),)


def test_a_running_instance_comes_into_service_and_is_registered() -> None:
    booted = member("i-0", lifecycle=Lifecycle.PENDING, registered=frozenset(), targets=())

    decision = decide(group(booted))

    assert decision.actions == (
        EnterService(instance_id="i-0"),
        SetTargets(instance_id="i-0", register=frozenset({TARGET_GROUP})),
    )


def test_a_booting_instance_is_left_alone() -> None:
    booting = member("i-0", lifecycle=Lifecycle.PENDING, ec2_state="pending", registered=frozenset())

    assert decide(group(booting)).actions == ()


def test_a_stopped_instance_is_replaced_also_in_its_grace_period() -> None:
    dead = member("i-0", ec2_state="stopped", in_service_at=999.0)

    ending, launch = decide(group(dead, grace_seconds=300.0)).actions

    assert isinstance(ending, BeginTermination)
    assert ending.concern is Concern.EC2
    assert ending.cause == (
        "At 1970-01-01T00:16:40Z an instance was taken out of service in response to an EC2 health check "
        "indicating it has been terminated or stopped."
    )
    assert isinstance(launch, Launch)
    assert launch.cause == (
        "At 1970-01-01T00:16:40Z an instance was launched in response to an unhealthy instance needing to "
        "be replaced."
    )


@pytest.mark.parametrize(("in_service_at", "is_replaced"), [(990.0, False), (900.0, True)])
def test_an_unhealthy_target_counts_after_the_grace_period(in_service_at: float, is_replaced: bool) -> None:
    ill = member("i-0", targets=UNHEALTHY, in_service_at=in_service_at)

    actions = decide(group(ill, grace_seconds=60.0)).actions

    assert any(isinstance(action, BeginTermination) for action in actions) == is_replaced


def test_an_unhealthy_target_does_not_count_for_a_group_with_ec2_health_checks() -> None:
    assert decide(group(member("i-0", targets=UNHEALTHY), checks_load_balancer=False)).actions == ()


def test_the_callers_word_on_health_is_taken() -> None:
    ending = decide(group(member("i-0", concern=Concern.USER))).actions[0]

    assert isinstance(ending, BeginTermination)
    assert ending.cause.endswith("taken out of service in response to a user health-check.")


def test_with_replace_unhealthy_suspended_an_ill_instance_is_only_shown_as_ill() -> None:
    ill = member("i-0", targets=UNHEALTHY)

    actions = decide(group(ill, suspended=frozenset({"ReplaceUnhealthy"}))).actions

    assert actions == (MarkUnhealthy(instance_id="i-0", concern=Concern.ELB),)


def test_with_health_check_suspended_nobody_is_ill() -> None:
    dead = member("i-0", ec2_state="stopped")

    assert decide(group(dead, suspended=frozenset({"HealthCheck"}))).actions == ()


def test_missing_capacity_is_launched_with_the_request_that_caused_it() -> None:
    (launch,) = decide(group(member("i-0"), desired=3, request_cause="At X a user request.")).actions

    assert isinstance(launch, Launch)
    assert len(launch.subnets) == 2
    assert launch.cause == (
        "At X a user request.  At 1970-01-01T00:16:40Z an instance was started in response to a difference "
        "between desired and actual capacity, increasing the capacity from 1 to 3."
    )


def test_after_a_failed_launch_the_next_one_waits() -> None:
    assert decide(group(desired=1, launch_not_before=1001.0)).actions == ()


def test_instances_in_standby_do_not_count_and_are_deregistered() -> None:
    resting = member("i-0", lifecycle=Lifecycle.STANDBY)

    actions = decide(group(resting, member("i-1"), desired=1)).actions

    assert actions == (SetTargets(instance_id="i-0", deregister=frozenset({TARGET_GROUP})),)


def test_a_target_group_attached_later_gets_the_instances() -> None:
    (action,) = decide(group(member("i-0", registered=frozenset()))).actions

    assert action == SetTargets(instance_id="i-0", register=frozenset({TARGET_GROUP}))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, SetTargets(instance_id="i-0", deregister=frozenset({TARGET_GROUP}))),
        ({"registered": frozenset(), "targets": (target("draining"),)}, None),
        ({"registered": frozenset(), "targets": (target("unused"),)}, Terminate(instance_id="i-0")),
        ({"registered": frozenset(), "targets": ()}, Terminate(instance_id="i-0")),
        (
            {"registered": frozenset(), "targets": (target("draining"),), "terminating_at": 1.0},
            Terminate(instance_id="i-0"),
        ),
        ({"registered": frozenset(), "targets": (), "is_termination_requested": True}, None),
        ({"registered": frozenset(), "targets": (), "ec2_state": "terminated"}, Forget(instance_id="i-0")),
    ],
)
def test_a_terminating_instance_is_deregistered_drained_ended_and_forgotten(
    changes: dict[str, object], expected: object
) -> None:
    leaving = member("i-0", **{"lifecycle": Lifecycle.TERMINATING, "terminating_at": 990.0, **changes})

    actions = decide(group(leaving, desired=0)).actions

    assert actions == ((expected,) if expected else ())


def test_a_deleted_group_ends_its_instances_without_draining_and_goes() -> None:
    leaving = member(
        "i-1",
        lifecycle=Lifecycle.TERMINATING,
        registered=frozenset(),
        targets=(target("draining"),),
        terminating_at=999.0,
    )

    ending, end = decide(group(member("i-0"), leaving, is_deleting=True)).actions

    assert isinstance(ending, BeginTermination)
    assert end == Terminate(instance_id="i-1")
    assert decide(group(is_deleting=True)).actions == (DeleteGroup(),)


def test_new_instances_go_where_the_fewest_are() -> None:
    there = group(member("i-0", subnet="a"), member("i-1", subnet="b"), subnets=("a", "b", "c"))

    assert choose_subnets(there, 4) == ("c", "a", "b", "c")


def test_new_instances_are_spread_by_what_will_stay() -> None:
    there = group(
        member("i-0", subnet="a"),
        member("i-1", subnet="b", template=NEW),
        subnets=("a", "b"),
        template=NEW,
    )

    assert choose_subnets(there, 1) == ("a",)


def test_scale_in_takes_from_the_fullest_zone_the_oldest_template_first() -> None:
    there = group(
        member("i-0", subnet="a", template=NEW, launched_at=1.0),
        member("i-1", subnet="a", template=OLD, launched_at=2.0),
        member("i-2", subnet="b", template=OLD, launched_at=0.0),
        template=NEW,
    )

    assert [one.instance_id for one in choose_for_scale_in(there, 1)] == ["i-1"]


@pytest.mark.parametrize(("policy", "expected"), [("OldestInstance", "i-0"), ("NewestInstance", "i-1")])
def test_scale_in_follows_the_termination_policy(policy: str, expected: str) -> None:
    there = group(member("i-0", launched_at=1.0), member("i-1", launched_at=2.0), termination_policy=policy)

    assert choose_for_scale_in(there, 1)[0].instance_id == expected


def test_scale_in_leaves_protected_instances() -> None:
    there = group(member("i-0", protected=True), member("i-1", protected=True), desired=0)

    assert decide(there).actions == ()


NEW_ONES = tuple(member(f"i-{name}", template=NEW, launched_for="r-1") for name in "abc")


@pytest.mark.parametrize(
    "stage",
    [
        {"status": Status.BAKING, "baking_until": 5000.0},
        {
            "status": Status.IN_PROGRESS,
            "paused_until": 5000.0,
            "checkpoint_percentages": (50, 100),
            "checkpoints_passed": 1,
            "max_healthy_percentage": 200,
        },
    ],
)
def test_a_group_scales_in_also_while_its_refresh_bakes_or_pauses(stage: dict[str, Any]) -> None:
    there = group(*NEW_ONES, desired=1, template=NEW)

    actions = decide(there, refresh(**stage)).actions

    assert [type(action) for action in actions] == [BeginTermination, BeginTermination]


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.ROLLBACK_IN_PROGRESS])
def test_a_group_that_is_to_be_empty_ends_all_its_instances_in_the_middle_of_a_refresh(
    status: Status,
) -> None:
    there = group(member("i-0"), *NEW_ONES, desired=0, template=NEW)

    actions = decide(there, refresh(status=status, max_healthy_percentage=200)).actions

    assert {action.instance_id for action in actions if isinstance(action, BeginTermination)} == {
        "i-0",
        "i-a",
        "i-b",
        "i-c",
    }


def test_what_a_refresh_launched_ahead_is_no_surplus() -> None:
    there = group(member("i-0"), member("i-1"), *NEW_ONES[:2], desired=2, template=NEW)
    going_on = refresh(status=Status.IN_PROGRESS, max_healthy_percentage=200, instance_warmup_seconds=2000)

    assert decide(there, going_on).actions == ()
