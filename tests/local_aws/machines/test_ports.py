"""Which ports of a machine are published."""

from __future__ import annotations

import socket

import pytest

from local_aws.machines import ports


def test_a_port_that_somebody_has_on_all_addresses_cannot_be_bound() -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()

        assert not ports.can_bind("127.0.77.1", other.getsockname()[1])


def test_2222_stands_for_22_where_22_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "can_bind", lambda _, port: port not in (22, 443))

    assert ports.bindable_ports("127.0.77.1") == (2222, 80, 8080)


def test_all_ports_are_published_where_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "can_bind", lambda *_: True)

    assert ports.bindable_ports("127.0.77.1") == (22, 80, 443, 8080)
