"""haproxy's process."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_aws.load_balancing.haproxy import HaproxyProcess, end_leftovers, find_haproxy
from local_aws.load_balancing.runtime_api import HaproxyError

from .conftest import wait_until

CONFIGURATION = """global
    stats socket fd@{control} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend front
    bind fd@{listening}
"""


@contextmanager
def running(folder: Path, configuration: str = CONFIGURATION) -> Iterator[HaproxyProcess]:
    """A haproxy process in *folder*, ended with the block."""
    process = HaproxyProcess(number=1, folder=folder)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        control = process.open_control()
        text = configuration.format(control=control.fileno(), listening=listening.fileno())
        try:
            process.start(text, control=control, inherited=[listening])
            yield process
        finally:
            control.close()
            process.kill()


def test_answers_however_deep_its_folder_is(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    with running(deep) as process:
        answer = process.command("show info")

    assert answer.startswith("Name: HAProxy")
    assert list(deep.glob("*.sock")) == []


def test_a_configuration_that_it_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    with (
        pytest.raises(HaproxyError, match=r"unknown keyword 'no-such-word'.*haproxy\.cfg.*haproxy\.log"),
        running(tmp_path, CONFIGURATION + "    no-such-word\n"),
    ):
        pass


def test_a_command_that_it_refuses_is_an_error(tmp_path: Path) -> None:
    with running(tmp_path) as process, pytest.raises(HaproxyError, match="No such backend"):
        process.tell("set server none/none state ready")


def test_what_a_killed_local_aws_left_behind_is_ended_and_nothing_else(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    with running(mine) as left, running(other) as foreign:
        ended = end_leftovers(mine)
        wait_until(lambda: left.exit_code is not None, "the process that was left behind has ended")

        assert ended == [left.pid]
        assert foreign.exit_code is None


def test_a_haproxy_that_is_too_old_is_refused(tmp_path: Path) -> None:
    process = HaproxyProcess(number=1, folder=tmp_path)

    with pytest.raises(HaproxyError, match=r"2\.4\.22.*2\.6 or newer"):
        process.refuse_old("Name: HAProxy\nVersion: 2.4.22-0ubuntu0.22.04.3\n")
    process.refuse_old("Name: HAProxy\nVersion: 3.0.11-1\n")


def test_a_missing_haproxy_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(HaproxyError, match="apt-get install haproxy"):
        find_haproxy()
