"""The web app on a machine that has just booted from a new image, before it may serve anybody."""

from __future__ import annotations

import ipaddress
import json

from testinfra.host import Host

from image_builder.checks import Image

SERVICE = "web-app"
PORT = 8080
# SSH, and the service.
LISTENING_TCP = {22, PORT}
# DHCP clients, for IPv4 and IPv6.
LISTENING_UDP = {68, 546}


def ask(host: Host, path: str) -> str:
    """What the service answers on the machine's own address; from the machine, which need not have curl."""
    program = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode())"
    address = host.check_output("hostname --all-ip-addresses").split()[0]
    return str(host.check_output("python3 -c %s %s", program, f"http://{address}:{PORT}{path}"))


def listening(host: Host, kind: str) -> set[int]:
    """The ports that are open for other machines."""
    rows = host.check_output(f"ss --no-header --listening --numeric --{kind}").splitlines()
    addresses = [row.split()[3].rpartition(":") for row in rows]
    return {int(port) for address, _, port in addresses if not is_loopback(address)}


def is_loopback(address: str) -> bool:
    """Whether only the machine itself reaches *address*: `*`, `[::1]`, `10.0.0.5%ens5`, `[fe80::1]%ens5`."""
    bare = address.partition("%")[0].strip("[]")
    return bare != "*" and ipaddress.ip_address(bare).is_loopback


def first_port_of_clients(host: Host) -> int:
    """The first of the ports that Linux gives to those who ask, and that nobody can be found at: ip(7)."""
    return int(host.check_output("cat /proc/sys/net/ipv4/ip_local_port_range").split()[0])


def test_the_service_starts_at_boot_and_did_so_at_the_first_try(host: Host) -> None:
    service = host.service(SERVICE)

    assert service.is_enabled
    assert service.is_running
    assert host.check_output(f"systemctl show --value --property NRestarts {SERVICE}") == "0"


def test_the_service_answers_and_is_healthy(host: Host) -> None:
    assert ask(host, "/healthz").strip() == "ok"


def test_the_service_tells_this_image(host: Host, image: Image) -> None:
    version = json.loads(ask(host, "/version"))

    assert version["fingerprint"] == image.fingerprint
    assert version["git_commit"] == (image.git_commit or "unknown")
    assert version["ami_id"] == image.ami_id


def test_the_service_runs_as_its_own_user(host: Host) -> None:
    users = set(host.check_output("ps -o user= -C gunicorn").split())

    assert users == {"web-app"}


def test_the_service_can_write_nothing_of_its_own(host: Host) -> None:
    assert host.check_output("find /opt/web-app /etc/web-app -user web-app -o -perm /022 ! -type l") == ""


def test_only_the_expected_ports_listen(host: Host) -> None:
    assert listening(host, "tcp") - LISTENING_TCP == set()
    assert PORT in listening(host, "tcp")
    udp = {port for port in listening(host, "udp") if port < first_port_of_clients(host)}
    assert udp - LISTENING_UDP == set()


def test_nothing_updates_the_machine_in_place(host: Host) -> None:
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        assert host.run(f"systemctl is-enabled {timer}").stdout.strip() == "masked"
