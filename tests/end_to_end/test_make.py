"""What `make` promises a newcomer: up, again, after a lost emulator, and down without a trace."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.home import Home, read_home
from local_aws.leftovers import processes_of
from local_aws.machines.podman import machines_of
from tests.end_to_end.checkout import Checkout, ask, copy_project, wait_until


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout beside whatever else runs on this machine, taken down at the end."""
    checkout = copy_project(
        tmp_path / "checkout", {**os.environ, "LOCAL_AWS_OPTIONS": "--port 0 --network auto"}
    )
    yield checkout
    checkout.must("make", "down")


def local_aws_of(checkout: Checkout) -> Home:
    """The checkout's local AWS."""
    home = read_home(checkout.folder / ".local/aws")
    assert home is not None
    return home


def url_of(output: str) -> str:
    """The url that `make up` printed."""
    return next(line.split()[1] for line in output.splitlines() if line.startswith("  url "))


def test_up_answers_again_changes_nothing_begins_anew_without_its_emulator_and_down_leaves_nothing(
    newcomer: Checkout,
) -> None:
    printed = newcomer.must("make", "up")
    home = local_aws_of(newcomer)
    answer = ask(url_of(printed))

    assert answer["ami_id"] in printed
    assert answer["fingerprint"] in printed
    assert answer["git_commit"] in printed
    again = newcomer.must("make", "up")
    assert ask(url_of(again)).keys() == answer.keys()
    assert "unchanged" in again
    assert newcomer.must("git", "status", "--porcelain") == ""

    for process in processes_of(home.name):
        process.kill()
    wait_until(lambda: processes_of(home.name) == [], "the emulator is dead")

    anew = newcomer.must("make", "up")

    assert "began anew" in anew
    assert local_aws_of(newcomer).generation != home.generation
    assert ask(url_of(anew))["ami_id"] in anew

    home = local_aws_of(newcomer)
    newcomer.must("make", "down")

    assert machines_of(home.name) == []
    assert processes_of(home.name) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", home.api_port)) != 0
