"""How the checks of the web app's image read what a machine says."""

from __future__ import annotations

import importlib.util
import shutil
from types import ModuleType
from typing import Any

import pytest

from tests.images.conftest import WEB_APP

# As on EC2: SSH, a resolver and a clock of its own, DHCP clients, a client that waits for its answer.
TCP = """\
LISTEN 0      4096      127.0.0.53%lo:53        0.0.0.0:*
LISTEN 0      2048            0.0.0.0:8080      0.0.0.0:*
LISTEN 0      128                [::]:22           [::]:*
LISTEN 0      128                   *:22              *:*
"""
UDP = """\
UNCONN 0      0         127.0.0.1:323         0.0.0.0:*
UNCONN 0      0             [::1]:323            [::]:*
UNCONN 0      0    10.0.0.5%ens5:68          0.0.0.0:*
UNCONN 0      0    [fe80::1]%ens5:546            [::]:*
UNCONN 0      0         0.0.0.0:41234         0.0.0.0:*
"""


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The checks, loaded from a copy: what loading leaves beside them is no part of the image."""
    file = tmp_path_factory.mktemp("verify") / "test_web_app.py"
    shutil.copy(WEB_APP / "verify" / "test_web_app.py", file)
    spec = importlib.util.spec_from_file_location("web_app_checks", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class AnyHost:
    """A machine on which these ports are open."""

    def __init__(self, *, tcp: str = TCP, udp: str = UDP) -> None:
        self._answers = {"--tcp": tcp, "--udp": udp, "ip_local_port_range": "32768\t60999"}

    def check_output(self, command: str) -> str:
        """What *command* prints."""
        (answer,) = [answer for word, answer in self._answers.items() if word in command]
        return answer


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53%lo", "[::1]", "[::1]%lo"])
def test_an_address_of_the_machine_alone_is_told(checks: ModuleType, address: str) -> None:
    assert checks.is_loopback(address)


@pytest.mark.parametrize(
    "address", ["*", "0.0.0.0", "[::]", "10.0.0.5%ens5", "[fe80::1]%ens5", "[fe80::1%ens5]"]
)
def test_any_other_address_is_one_for_others_with_and_without_its_zone(
    checks: ModuleType, address: str
) -> None:
    assert not checks.is_loopback(address)


def test_a_machine_with_dhcp_and_clients_of_its_own_is_as_it_should_be(checks: ModuleType) -> None:
    checks.test_only_the_expected_ports_listen(AnyHost())


@pytest.mark.parametrize(
    "more",
    [
        {"tcp": f"{TCP}LISTEN 0 128 0.0.0.0:25 0.0.0.0:*\n"},
        {"udp": f"{UDP}UNCONN 0 0 0.0.0.0:5353 0.0.0.0:*\n"},
        {"udp": f"{UDP}UNCONN 0 0 [::]:5355 [::]:*\n"},
    ],
)
def test_whatever_else_listens_is_found(checks: ModuleType, more: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        checks.test_only_the_expected_ports_listen(AnyHost(**more))
