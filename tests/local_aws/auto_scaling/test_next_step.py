"""Single steps and endings of an instance refresh, one documented rule each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local_aws.auto_scaling.next_step import Step, next_step
from local_aws.auto_scaling.refresh import Refresh, Status, Treatment, begin_rollback
from local_aws.auto_scaling.values import Concern, Lifecycle
from tests.local_aws.auto_scaling.worlds import NEW, World, group, member, refresh, target


def old(count: int) -> list[str]:
    """Names of instances from before the refresh."""
    return [f"i-{number}" for number in range(count)]


def first_step(count: int, **preferences: object) -> Step:
    """The first step for *count* healthy old instances."""
    return next_step(refresh(**preferences), group(*(member(name) for name in old(count)), template=NEW))


@pytest.mark.parametrize(
    ("count", "smallest", "largest", "ended", "launched"),
    [
        (10, 80, None, 2, 2),
        (4, 0, None, 4, 4),
        (3, 100, 150, 0, 1),
        (10, 90, 110, 1, 2),
        (2, 100, 200, 0, 2),
        (3, 100, 100, 0, 1),
        (1, 90, None, 1, 1),
    ],
)
def test_first_batch_is_as_large_as_the_percentages_allow(
    count: int, smallest: int, largest: int | None, ended: int, launched: int
) -> None:
    step = first_step(count, min_healthy_percentage=smallest, max_healthy_percentage=largest)

    assert (len(step.terminate), step.launch) == (ended, launched)
    assert step.refresh.status is Status.IN_PROGRESS
    assert step.refresh.to_update == count


def test_an_instance_counts_only_after_its_warm_up() -> None:
    warming = member("i-new", template=NEW, launched_for="r-1", in_service_at=995.0)
    running = refresh(
        status=Status.IN_PROGRESS,
        min_healthy_percentage=100,
        max_healthy_percentage=200,
        instance_warmup_seconds=10,
        progressed_at=995.0,
    )

    early = next_step(running, group(member("i-0"), warming, desired=1, template=NEW))
    late = next_step(early.refresh, group(member("i-0"), warming, desired=1, template=NEW, now=1005.0))

    assert early.terminate == ()
    assert early.refresh.status_reason == (
        "Waiting for instances to warm up before continuing. For example: i-new is warming up."
    )
    assert late.terminate == ("i-0",)
    assert late.refresh.percentage == 100


def test_an_instance_without_a_verdict_of_the_load_balancer_is_waited_for() -> None:
    waiting = member("i-new", template=NEW, launched_for="r-1", targets=(target("initial"),))

    step = next_step(
        refresh(min_healthy_percentage=100), group(member("i-0"), waiting, desired=1, template=NEW)
    )

    assert step.terminate == ()
    assert step.refresh.status_reason == (
        "Waiting for remaining instances to be available. For example: i-new has insufficient data "
        "to evaluate its health with Elastic Load Balancing."
    )


def test_skip_matching_succeeds_at_once_when_every_instance_matches() -> None:
    matching = [member(name, template=NEW) for name in old(3)]

    step = next_step(refresh(skip_matching=True), group(*matching, template=NEW))

    assert step.refresh.status is Status.SUCCESSFUL
    assert step.refresh.percentage == 100
    assert (step.terminate, step.launch) == ((), 0)


def test_skip_matching_replaces_only_what_differs() -> None:
    members = [member("i-0", template=NEW), member("i-1")]

    step = next_step(refresh(skip_matching=True, min_healthy_percentage=50), group(*members, template=NEW))

    assert step.terminate == ("i-1",)
    assert step.launch == 1


def test_old_configurations_are_replaced_before_instances_that_match() -> None:
    members = [member("i-0", template=NEW, launched_at=1.0), member("i-1", launched_at=2.0)]

    step = next_step(refresh(min_healthy_percentage=50), group(*members, template=NEW))

    assert step.terminate == ("i-1",)


def test_ill_instances_are_replaced_first() -> None:
    members = [member("i-0"), member("i-1", targets=(target("unhealthy"),))]

    step = next_step(refresh(min_healthy_percentage=50), group(*members, template=NEW))

    assert step.terminate == ("i-1",)


def test_an_outage_of_every_old_instance_is_no_reason_to_end_them_all() -> None:
    members = [member(name, targets=(target("initial"),)) for name in old(4)]

    step = next_step(
        refresh(min_healthy_percentage=100, max_healthy_percentage=125), group(*members, template=NEW)
    )

    assert step.terminate == ()


@pytest.mark.parametrize("treatment", [Treatment.IGNORE, Treatment.WAIT, Treatment.REPLACE])
def test_instances_protected_from_scale_in(treatment: Treatment) -> None:
    world = World(
        group=group(member("i-0", protected=True), member("i-1")),
        refresh=refresh(protected_instances=treatment, min_healthy_percentage=50),
    )

    ended = world.run(200)

    expected = {
        Treatment.IGNORE: (Status.SUCCESSFUL, ["1", "2"]),
        Treatment.WAIT: (Status.FAILED, ["1", "2"]),
        Treatment.REPLACE: (Status.SUCCESSFUL, ["2", "2"]),
    }
    assert (ended.status, sorted(world.versions())) == expected[treatment]
    if treatment is Treatment.WAIT:
        assert ended.status_reason.endswith("For example: i-0 is protected from scale in.")


@pytest.mark.parametrize("treatment", [Treatment.IGNORE, Treatment.WAIT, Treatment.REPLACE])
def test_instances_in_standby(treatment: Treatment) -> None:
    resting = member("i-0", lifecycle=Lifecycle.STANDBY, targets=(), registered=frozenset())
    world = World(
        group=group(resting, member("i-1"), desired=1),
        refresh=refresh(standby_instances=treatment, min_healthy_percentage=0),
    )

    ended = world.run(200)

    is_there = any(one.instance_id == "i-0" for one in world.group.members)
    expected = {
        Treatment.IGNORE: (Status.SUCCESSFUL, True),
        Treatment.WAIT: (Status.FAILED, True),
        Treatment.REPLACE: (Status.SUCCESSFUL, False),
    }
    assert (ended.status, is_there) == expected[treatment]
    if treatment is Treatment.WAIT:
        assert ended.status_reason.endswith("For example: i-0 is in Standby.")


def test_waits_when_protection_goes_away_in_time() -> None:
    world = World(group=group(member("i-0", protected=True)), refresh=refresh(min_healthy_percentage=0))
    for _ in range(10):
        world.step()

    world.group = replace(world.group, members=(replace(world.group.members[0], protected=False),))

    assert world.run(200).status is Status.SUCCESSFUL


def replaced_by_second(world: World, seconds: int) -> list[int]:
    """How many live instances are new after each second."""
    counts = []
    for _ in range(seconds):
        world.step()
        counts.append(world.versions().count("2"))
    return counts


def test_a_checkpoint_pauses_for_its_delay() -> None:
    world = World(
        group=group(*(member(name) for name in old(10))),
        refresh=refresh(
            min_healthy_percentage=80, checkpoint_percentages=(20, 50, 100), checkpoint_delay_seconds=40
        ),
    )

    counts = replaced_by_second(world, 30)

    assert max(counts) == 2
    assert world.refresh is not None
    assert world.refresh.percentage == 20
    assert world.refresh.status_reason == (
        "Checkpoint of 20 percent reached. Waiting for the checkpoint delay to pass."
    )
    assert max(replaced_by_second(world, 50)) == 5
    assert world.run(500).status is Status.SUCCESSFUL
    assert world.versions() == ["2"] * 10


def test_a_checkpoint_also_limits_what_is_launched_first() -> None:
    world = World(
        group=group(*(member(name) for name in old(4))),
        refresh=refresh(
            min_healthy_percentage=100,
            max_healthy_percentage=200,
            checkpoint_percentages=(25, 100),
            checkpoint_delay_seconds=40,
        ),
    )

    assert max(replaced_by_second(world, 30)) == 1


def test_checkpoints_that_one_replacement_passes_together_pause_once() -> None:
    world = World(
        group=group(member("i-0"), member("i-1")),
        refresh=refresh(
            min_healthy_percentage=50, checkpoint_percentages=(10, 40, 100), checkpoint_delay_seconds=40
        ),
    )

    replaced_by_second(world, 20)

    assert world.refresh is not None
    assert world.refresh.checkpoints_passed == 2
    assert world.refresh.status_reason.startswith("Checkpoint of 40 percent reached.")


def test_a_last_checkpoint_below_100_ends_the_refresh_there() -> None:
    world = World(
        group=group(*(member(name) for name in old(10))),
        refresh=refresh(
            min_healthy_percentage=90, checkpoint_percentages=(10, 20), checkpoint_delay_seconds=1
        ),
    )

    ended = world.run(500)

    assert ended.status is Status.SUCCESSFUL
    assert sorted(world.versions()) == ["1"] * 8 + ["2"] * 2


def test_bake_time_passes_before_it_is_successful() -> None:
    world = World(group=group(member("i-0")), refresh=refresh(min_healthy_percentage=0, bake_time_seconds=20))
    while world.refresh and world.refresh.status is not Status.BAKING:
        world.step()
    began = world.group.now

    ended = world.run(100)

    assert ended.status is Status.SUCCESSFUL
    assert world.group.now - began >= 20


def test_an_instance_that_dies_in_the_bake_time_is_replaced_by_the_new_version() -> None:
    world = World(
        group=group(member("i-0"), member("i-1")),
        refresh=refresh(min_healthy_percentage=0, bake_time_seconds=20),
    )
    while world.refresh and world.refresh.status is not Status.BAKING:
        world.step()

    world.kill(world.group.live[0].instance_id)

    assert world.run(100).status is Status.SUCCESSFUL
    assert world.versions() == ["2", "2"]


def test_an_alarm_fails_the_refresh_and_rolls_it_back() -> None:
    world = World(
        group=group(member("i-0"), member("i-1")),
        refresh=refresh(min_healthy_percentage=50, auto_rollback=True, bake_time_seconds=60, alarms=("5xx",)),
    )
    while world.refresh and world.refresh.status is not Status.BAKING:
        world.step()

    world.group = replace(world.group, alarms_ringing=("5xx",))
    ended = world.run(200)

    assert ended.status is Status.ROLLBACK_SUCCESSFUL
    assert ended.rollback is not None
    assert "CloudWatch alarm 5xx went into the ALARM state." in ended.rollback.reason
    assert ended.rollback.percentage == 100
    assert ended.percentage == 0
    assert world.versions() == ["1", "1"]


def test_without_auto_rollback_an_alarm_ends_in_failed() -> None:
    step = next_step(refresh(alarms=("5xx",)), group(member("i-0"), alarms_ringing=("5xx",)))

    assert step.refresh.status is Status.FAILED
    assert step.refresh.ended_at == 1000.0


def test_a_failed_refresh_tells_which_instance_was_ill_and_why() -> None:
    world = World(
        group=group(member("i-0")),
        refresh=refresh(min_healthy_percentage=100, max_healthy_percentage=200),
        is_good=lambda template: template.version == "1",
    )

    ended = world.run(500)

    assert ended.status is Status.FAILED
    assert ended.status_reason.startswith("The instance refresh failed. No progress for 30 seconds. i-new-")
    assert ended.status_reason.endswith("became unhealthy: unhealthy (Target.Timeout)")


def test_percentage_goes_back_to_zero_during_a_rollback() -> None:
    world = World(
        group=group(*(member(name) for name in old(4))),
        refresh=refresh(min_healthy_percentage=75),
        is_good=lambda _: True,
    )
    while world.refresh and world.refresh.percentage < 50:
        world.step()
    assert world.refresh is not None
    world.refresh = begin_rollback(
        world.refresh, world.group.now, "A manual rollback was initiated by a user."
    )
    percentages = []
    not_updated = world.refresh.to_update
    while world.refresh.is_active:
        world.step()
        percentages.append(world.refresh.percentage)
        # API reference, InstanceRefresh.InstancesToUpdate: in a rollback, those that were not updated before.
        assert world.refresh.to_update == not_updated

    assert world.refresh.status is Status.ROLLBACK_SUCCESSFUL
    assert percentages == sorted(percentages, reverse=True)
    assert percentages[-1] == 0
    assert world.versions() == ["1"] * 4


def test_a_rollback_leaves_instances_alone_that_were_never_replaced() -> None:
    world = World(
        group=group(*(member(name) for name in old(4))),
        refresh=refresh(min_healthy_percentage=75, checkpoint_percentages=(50, 100)),
    )
    replaced_by_second(world, 30)
    kept = {one.instance_id for one in world.group.live if one.template != NEW}
    assert world.refresh is not None

    world.refresh = begin_rollback(world.refresh, world.group.now, "by hand")
    ended = world.run(200)

    assert ended.status is Status.ROLLBACK_SUCCESSFUL
    assert len(kept) == 2
    assert kept <= {one.instance_id for one in world.group.live}


def test_an_instance_that_somebody_called_unhealthy_is_not_counted_as_ready() -> None:
    members = [member("i-0"), member("i-1", concern=Concern.USER)]

    step = next_step(refresh(min_healthy_percentage=50), group(*members, template=NEW))

    assert step.terminate == ("i-1",)


def test_a_rollback_that_gets_nowhere_fails() -> None:
    world = World(
        group=group(member("i-0")),
        refresh=refresh(min_healthy_percentage=0, auto_rollback=True),
        is_good=lambda _: False,
    )

    ended = world.run(1000)

    assert ended.status is Status.ROLLBACK_FAILED
    assert ended.status_reason.startswith("The rollback failed. No progress for 30 seconds.")


def test_cancelling_waits_for_what_is_under_way() -> None:
    cancelling: Refresh = refresh(status=Status.CANCELLING)
    booting = member("i-new", lifecycle=Lifecycle.PENDING, ec2_state="pending", launched_for="r-1")

    early = next_step(cancelling, group(member("i-0"), booting, desired=1))
    late = next_step(cancelling, group(member("i-0")))

    assert early.refresh.status is Status.CANCELLING
    assert late.refresh.status is Status.CANCELLED


def test_a_suspended_instance_refresh_process_stops_it_without_failing_it() -> None:
    held = group(member("i-0"), now=9000.0, suspended=frozenset({"InstanceRefresh"}))

    step = next_step(refresh(status=Status.IN_PROGRESS, progressed_at=1000.0), held)

    assert step.refresh.status is Status.IN_PROGRESS
    assert (step.terminate, step.launch) == ((), 0)
