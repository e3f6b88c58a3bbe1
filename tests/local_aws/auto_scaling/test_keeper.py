"""The keeper's thread: it goes on after trouble, drops what is out of date, and ends when told."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
from moto.autoscaling.models import autoscaling_backends

from local_aws.auto_scaling import doing
from local_aws.auto_scaling import keeper as keeping
from local_aws.auto_scaling.backend import LocalAutoScalingBackend
from local_aws.auto_scaling.keeper import Keeper, keep
from local_aws.home import ACCOUNT_ID, REGION
from tests.local_aws.auto_scaling.conftest import Account, wait_until


def test_trouble_with_one_group_is_logged_and_stops_no_other(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    account.create_group("broken", TargetGroupARNs=[])
    original = keeping.see

    def see(backend: Any, group: Any, *others: Any) -> Any:
        if group.name == "broken":
            raise RuntimeError("no sight")
        return original(backend, group, *others)

    monkeypatch.setattr(keeping, "see", see)
    with caplog.at_level(logging.ERROR):
        account.create_group("sound")
        wait_until(lambda: "no sight" in caplog.text, "the trouble is logged")

    assert "Auto Scaling group broken" in caplog.text
    assert "Traceback" in caplog.text


def test_a_decision_is_dropped_when_the_group_changed_meanwhile(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.create_group()
    backend = autoscaling_backends[ACCOUNT_ID][REGION]
    assert isinstance(backend, LocalAutoScalingBackend)
    group = backend.local_group("web")
    done_by: list[str] = []
    original = keeping.see

    def see(*arguments: Any) -> Any:
        seen = original(*arguments)
        if threading.current_thread() is threading.main_thread():
            group.revision += 1
        return seen

    monkeypatch.setattr(doing, "do", lambda *_: done_by.append(threading.current_thread().name))
    keep(backend, group, time.time())
    monkeypatch.setattr(keeping, "see", see)
    keep(backend, group, time.time())

    assert done_by.count(threading.main_thread().name) == 1


def test_stop_ends_the_thread() -> None:
    keeper = Keeper()
    keeper.start()
    names = [thread.name for thread in threading.enumerate()]

    keeper.stop()

    assert "auto-scaling-keeper" in names
    assert "auto-scaling-keeper" not in [thread.name for thread in threading.enumerate()]


def test_stop_without_start_is_no_error() -> None:
    Keeper().stop()
