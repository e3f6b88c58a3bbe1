"""One server for each home, one local AWS for each network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local_aws import locks
from local_aws.home import LocalAwsError


@pytest.fixture(autouse=True)
def _cache_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_second_local_aws_of_a_network_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _, lock = locks.take_network("127.0.1", first, {})

    with lock, pytest.raises(LocalAwsError) as failure:
        locks.take_network("127.0.1", second, {})

    assert str(failure.value) == (
        f"network 127.0.1 is in use by the local AWS of {first} (process {os.getpid()}) · "
        "one local AWS has a network to itself · "
        f"stop that one with `python -m local_aws stop --home {first}`, or start this one with --network auto"
    )


def test_automatic_networks_differ(tmp_path: Path) -> None:
    one, first_lock = locks.take_network("auto", tmp_path, {})
    other, second_lock = locks.take_network("auto", tmp_path, {})

    with first_lock, second_lock:
        assert one != other
        assert {one, other} <= set(locks.AUTOMATIC_NETWORKS)


def test_an_automatic_network_has_no_machines_of_a_local_aws_that_was_killed(tmp_path: Path) -> None:
    first, second = locks.AUTOMATIC_NETWORKS[:2]

    network, lock = locks.take_network("auto", tmp_path, {first: ["local-aws-1-i-1"]})

    with lock:
        assert network == second


def test_a_network_with_such_machines_is_refused_with_the_command_that_removes_them(tmp_path: Path) -> None:
    with pytest.raises(LocalAwsError, match=r"podman rm --force local-aws-1-i-1 local-aws-1-i-2 · or"):
        locks.take_network("127.0.1", tmp_path, {"127.0.1": ["local-aws-1-i-1", "local-aws-1-i-2"]})

    assert locks.holder_of(locks.network_lock("127.0.1")) is None


def test_a_network_is_free_again_when_its_holder_lets_go(tmp_path: Path) -> None:
    _, lock = locks.take_network("127.0.1", tmp_path, {})
    lock.close()

    network, lock = locks.take_network("127.0.1", tmp_path, {})

    with lock:
        assert network == "127.0.1"


def test_the_holder_of_a_lock_is_known_only_while_it_holds_it(tmp_path: Path) -> None:
    assert locks.holder_of(locks.server_lock(tmp_path)) is None

    with locks.take_server(tmp_path):
        holder = locks.holder_of(locks.server_lock(tmp_path))
        assert holder == locks.Holder(process=os.getpid(), folder=str(tmp_path))

    assert locks.holder_of(locks.server_lock(tmp_path)) is None


def test_a_second_server_of_one_home_is_refused(tmp_path: Path) -> None:
    with locks.take_server(tmp_path), pytest.raises(locks.TakenError, match="already serves this home"):
        locks.take_server(tmp_path)
