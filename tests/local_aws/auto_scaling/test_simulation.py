"""Whole refreshes in a world of plain values: what no state that can be reached may break."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_aws.auto_scaling.bounds import replacement_bounds
from local_aws.auto_scaling.decide import Decision
from local_aws.auto_scaling.health import is_ready
from local_aws.auto_scaling.refresh import Refresh, Status
from local_aws.auto_scaling.roles import is_settled
from local_aws.auto_scaling.values import BeginTermination, Group, Launch
from tests.local_aws.auto_scaling.worlds import World, group, is_voluntary, member, refresh

OVER = 3000


def watch(current: Group, before: Refresh | None, decision: Decision) -> None:
    """Fail when a replacement leaves too few ready instances, or makes too many live ones."""
    after = decision.refresh
    if (
        before is None
        or after is None
        or after.status not in (Status.IN_PROGRESS, Status.ROLLBACK_IN_PROGRESS)
    ):
        return
    ended = {one.instance_id: one for one in decision.actions if isinstance(one, BeginTermination)}
    launched = sum(len(one.subnets) for one in decision.actions if isinstance(one, Launch))
    preferences = after.preferences
    bounds = replacement_bounds(
        current.desired, preferences.min_healthy_percentage, preferences.max_healthy_percentage
    )
    ready = {
        one.instance_id
        for one in current.live
        if is_ready(one, current) and (one.launched_for != after.label or is_settled(one, after, current))
    }
    chosen = {name for name, action in ended.items() if is_voluntary(action)}
    if ready & chosen:
        assert len(ready - set(ended)) >= bounds.floor
    if launched:
        assert len(current.live) - len(ended) + launched <= bounds.ceiling


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    """Any preferences that StartInstanceRefresh accepts."""
    smallest = draw(st.integers(0, 100))
    given: dict[str, Any] = {
        "min_healthy_percentage": smallest,
        "instance_warmup_seconds": draw(st.integers(0, 5)),
        "auto_rollback": draw(st.booleans()),
        "skip_matching": draw(st.booleans()),
        "bake_time_seconds": draw(st.sampled_from([0, 4])),
        "checkpoint_delay_seconds": draw(st.integers(0, 4)),
    }
    if draw(st.booleans()):
        given["max_healthy_percentage"] = draw(st.integers(100, min(200, smallest + 100)))
    if draw(st.booleans()):
        earlier = draw(st.sets(st.integers(1, 99), max_size=3))
        given["checkpoint_percentages"] = (*sorted(earlier), 100)
    return given


def world(count: int, given: dict[str, Any], **changes: Any) -> World:
    """A group of *count* about to be refreshed, watched."""
    return World(
        group=group(*(member(f"i-{number}", launched_at=float(number)) for number in range(count))),
        refresh=refresh(**given),
        on_decision=watch,
        **changes,
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(count=st.integers(0, 12), given=choices())
def test_a_good_image_reaches_every_instance(count: int, given: dict[str, Any]) -> None:
    simulated = world(count, given)

    ended = simulated.run(OVER)

    assert ended.status is Status.SUCCESSFUL
    assert ended.percentage == 100
    assert simulated.versions() == ["2"] * count


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(count=st.integers(1, 12), given=choices())
def test_a_bad_image_never_takes_capacity_and_is_rolled_back(count: int, given: dict[str, Any]) -> None:
    bounds = replacement_bounds(count, given["min_healthy_percentage"], given.get("max_healthy_percentage"))
    simulated = world(count, given, is_good=lambda template: template.version == "1")
    fewest = count

    while simulated.refresh and simulated.refresh.is_active:
        simulated.step()
        assert simulated.group.now < 1000 + OVER
        fewest = min(fewest, sum(is_ready(one, simulated.group) for one in simulated.group.live))
    simulated.settle()

    expected = Status.ROLLBACK_SUCCESSFUL if given["auto_rollback"] else Status.FAILED
    assert simulated.refresh is not None
    assert simulated.refresh.status is expected
    assert "became unhealthy" in (
        simulated.refresh.rollback.reason if simulated.refresh.rollback else simulated.refresh.status_reason
    )
    assert fewest >= bounds.floor
    assert simulated.versions() == ["1"] * count


def test_what_is_too_much_while_a_refresh_runs_is_taken_from_what_still_warms_up() -> None:
    given = {"min_healthy_percentage": 1, "max_healthy_percentage": 100, "instance_warmup_seconds": 3}
    simulated = world(3, given)

    simulated.run(4)
    simulated.group = replace(simulated.group, desired=1)
    ended = simulated.run(OVER)

    assert ended.status is Status.SUCCESSFUL
    assert simulated.versions() == ["2"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    count=st.integers(1, 8),
    given=choices(),
    is_good=st.booleans(),
    events=st.lists(
        st.tuples(st.integers(1, 40), st.one_of(st.integers(0, 12), st.just("kill"))), max_size=6
    ),
    data=st.data(),
)
def test_whatever_dies_or_scales_meanwhile_it_ends_and_the_group_keeps_its_capacity(
    count: int,
    given: dict[str, Any],
    is_good: bool,
    events: list[tuple[int, int | str]],
    data: st.DataObject,
) -> None:
    simulated = world(count, given, is_good=lambda template: is_good or template.version == "1")

    for seconds, event in events:
        simulated.run(seconds)
        if isinstance(event, int):
            simulated.group = replace(simulated.group, desired=event)
        elif simulated.group.live:
            simulated.kill(data.draw(st.sampled_from(simulated.group.live)).instance_id)
    ended = simulated.run(OVER)
    simulated.settle(60)

    assert not ended.is_active
    assert len(simulated.group.live) == simulated.group.desired
