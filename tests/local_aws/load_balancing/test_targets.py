"""The life of a target, decided from plain values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local_aws.load_balancing.targets import (
    Act,
    Failure,
    Phase,
    Record,
    advance,
    failure_of,
    reconcile,
    slow_start_weight,
)

from .plain import GROUP, TARGET, record, row

KEY = (GROUP.name, TARGET.server)
SERVING = record(phase=Phase.IN_SERVICE, is_up=True, is_probing=False)
DRAINING = record(phase=Phase.DRAINING, drain_until=130.0, is_probing=False)


def move(
    before: Record,
    changes: dict[str, object],
    *,
    now: float = 101.0,
    retiring: int = 0,
    has_peer: bool = False,
) -> tuple[Record | None, list[Act]]:
    """What advance() makes of *before* and a row with *changes*."""
    after, acts = advance(before, row(**changes), now=now, newest_retiring=retiring, has_peer=has_peer)
    return after, [act for act, _ in acts]


def test_a_registered_target_that_runs_is_added_and_one_that_does_not_run_waits() -> None:
    pending = replace(TARGET, instance_id="i-2", address="127.0.9.11", is_running=False)
    group = replace(GROUP, targets=(TARGET, pending))

    records, acts = reconcile({}, (group,), generation=4, now=7.0)

    assert [act for act, _ in acts] == [Act.ADD]
    assert list(records) == [KEY]
    assert (records[KEY].phase, records[KEY].since, records[KEY].generation) == (Phase.INITIAL, 7.0, 4)


def test_a_target_that_is_registered_already_needs_nothing() -> None:
    records, acts = reconcile({KEY: SERVING}, (GROUP,), generation=1, now=200.0)

    assert (records, acts) == ({KEY: SERVING}, [])


def test_a_deregistered_target_drains_until_the_delay_is_over() -> None:
    records, acts = reconcile({KEY: SERVING}, (replace(GROUP, targets=()),), generation=1, now=200.0)

    assert [act for act, _ in acts] == [Act.DRAIN]
    assert records[KEY].phase is Phase.DRAINING
    assert records[KEY].drain_until == 230.0


def test_a_target_that_drains_already_keeps_its_deadline() -> None:
    records, acts = reconcile({KEY: DRAINING}, (replace(GROUP, targets=()),), generation=1, now=129.0)

    assert acts == []
    assert records[KEY].drain_until == 130.0


def test_a_draining_target_that_is_registered_again_begins_anew_without_a_new_server() -> None:
    records, acts = reconcile({KEY: DRAINING}, (GROUP,), generation=1, now=120.0)

    assert [act for act, _ in acts] == [Act.RETRY]
    assert (records[KEY].phase, records[KEY].drain_until) == (Phase.INITIAL, None)


def test_another_instance_on_the_same_address_is_another_target() -> None:
    group = replace(GROUP, targets=(replace(TARGET, instance_id="i-2"),))

    records, acts = reconcile({KEY: DRAINING}, (group,), generation=1, now=120.0)

    assert [act for act, _ in acts] == [Act.KILL, Act.REMOVE, Act.ADD]
    assert records[KEY].target.instance_id == "i-2"


def test_the_targets_of_a_group_that_nothing_forwards_to_are_forgotten() -> None:
    assert reconcile({KEY: SERVING}, (), generation=1, now=120.0) == ({}, [])


@pytest.mark.parametrize("status", ["L7OK", "* L7OK"])
def test_one_good_check_admits_a_new_target(status: str) -> None:
    after, acts = move(record(), {"check_status": status})

    assert acts == [Act.ADMIT]
    assert after
    assert (after.phase, after.is_up, after.is_probing) == (Phase.IN_SERVICE, True, False)


def test_a_new_target_stays_initial_while_its_failures_are_fewer_than_the_threshold() -> None:
    after, acts = move(record(), {"check_status": "L4CON"}, now=119.9)

    assert acts == []
    assert after
    assert after.phase is Phase.INITIAL


def test_a_new_target_is_unhealthy_after_threshold_times_interval() -> None:
    after, acts = move(record(), {"check_status": "L7STS", "check_code": "500"}, now=120.0)

    assert acts == [Act.DENY]
    assert after
    assert (after.phase, after.is_up) == (Phase.IN_SERVICE, False)
    assert after.failure == Failure(
        reason="Target.ResponseCodeMismatch", description="Health checks failed with these codes: [500]"
    )


def test_a_target_that_was_never_checked_is_not_called_unhealthy() -> None:
    after, acts = move(record(), {}, now=500.0)

    assert (after, acts) == (record(), [])


def test_the_last_failure_is_kept_while_an_unhealthy_target_passes_its_first_checks_again() -> None:
    failure = Failure(reason="Target.Timeout", description="Request timed out")
    down = replace(SERVING, is_up=False, failure=failure)

    after, _ = move(down, {"status": "DOWN 1/3", "check_status": "L7OK"})

    assert after
    assert (after.is_up, after.failure) == (False, failure)


def test_a_draining_target_is_removed_as_soon_as_it_is_idle() -> None:
    busy = move(DRAINING, {"current_sessions": 1})
    idle = move(DRAINING, {"current_sessions": 0})

    assert busy == (DRAINING, [])
    assert idle == (None, [Act.REMOVE])


def test_a_draining_target_stays_while_a_retiring_haproxy_may_still_use_it() -> None:
    young = replace(DRAINING, generation=2)

    assert move(DRAINING, {}, retiring=1) == (DRAINING, [])
    assert move(young, {}, retiring=1) == (None, [Act.REMOVE])


def test_what_is_in_flight_after_the_delay_is_ended() -> None:
    assert move(DRAINING, {"current_sessions": 3}, now=130.0) == (None, [Act.KILL, Act.REMOVE])


def test_a_target_in_slow_start_gets_more_and_more_until_it_has_its_share() -> None:
    group = replace(GROUP, slow_start_seconds=30)
    admitted, acts = move(record(group=group), {"check_status": "L7OK"}, now=100.0, has_peer=True)
    assert admitted
    third, more = move(admitted, {"status": "UP"}, now=110.0)
    assert third
    whole, most = move(third, {"status": "UP"}, now=130.0)
    assert whole

    assert (admitted.weight, acts) == (1, [Act.ADMIT])
    assert (third.weight, more) == (33, [Act.WEIGHT])
    assert (whole.weight, whole.slow_since, most) == (100, None, [Act.WEIGHT])


def test_without_a_healthy_peer_there_is_no_slow_start() -> None:
    after, _ = move(record(group=replace(GROUP, slow_start_seconds=30)), {"check_status": "L7OK"})

    assert after
    assert after.weight == 100


@pytest.mark.parametrize(
    ("elapsed", "duration", "weight"), [(0, 30, 1), (15, 30, 50), (30, 30, 100), (0, 0, 100)]
)
def test_slow_start_is_linear(elapsed: float, duration: int, weight: int) -> None:
    assert slow_start_weight(elapsed, duration) == weight


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("L7OK", "200", None),
        ("* L7OK", "200", None),
        ("INI", "", None),
        ("", "", None),
        ("L7STS", "503", "Target.ResponseCodeMismatch"),
        ("* L7STS", "503", "Target.ResponseCodeMismatch"),
        ("* L7STS", "0", None),
        ("L7TOUT", "", "Target.Timeout"),
        ("L4TOUT", "", "Target.Timeout"),
        ("L4CON", "", "Target.FailedHealthChecks"),
        ("L7RSP", "", "Target.FailedHealthChecks"),
        ("SOCKERR", "", "Target.FailedHealthChecks"),
    ],
)
def test_a_failed_check_has_awss_reason(status: str, code: str, reason: str | None) -> None:
    failure = failure_of(row(check_status=status, check_code=code))

    assert (failure and failure.reason) == reason
