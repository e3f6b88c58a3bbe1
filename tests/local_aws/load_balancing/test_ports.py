"""Addresses and ports."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from local_aws.home import Home
from local_aws.load_balancing.ports import PortTakenError, choose_address, explain, listen

HOME = Home(
    folder=Path("somewhere"),
    name="local-aws-test",
    api_port=1,
    network="127.0.9",
    load_balancer_address="127.0.0.1",
    generation="g",
    machine_ports=(),
)


def test_the_first_load_balancer_has_the_homes_address_and_the_next_the_lowest_free_one() -> None:
    assert choose_address(HOME, set()) == "127.0.0.1"
    assert choose_address(HOME, {"127.0.0.1"}) == "127.0.9.2"
    assert choose_address(HOME, {"127.0.0.1", "127.0.9.2", "127.0.9.4"}) == "127.0.9.3"
    assert choose_address(HOME, {"127.0.0.1", *(f"127.0.9.{last}" for last in range(2, 10))}) is None


def test_a_taken_port_is_explained_with_its_holder() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        with pytest.raises(PortTakenError, match=rf"127.0.0.1:{port} .*\(pid {os.getpid()}, .* another port"):
            listen("127.0.0.1", port)


def test_a_port_that_needs_privileges_is_explained() -> None:
    error = OSError(errno.EACCES, "Permission denied")

    assert "1024 or above" in explain("127.0.0.1", 80, error, None)
