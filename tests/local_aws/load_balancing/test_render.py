"""haproxy's configuration, written from plain values and read by haproxy itself."""

from __future__ import annotations

import socket
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from local_aws.load_balancing.haproxy import find_haproxy
from local_aws.load_balancing.model import Configuration, FixedResponse, Forward, WeightedGroup
from local_aws.load_balancing.render import error_file, quote, render, server_options
from local_aws.load_balancing.targets import Phase, Record

from .plain import CHECK, GROUP, LISTENER, record


def rendered(configuration: Configuration, *records: Record, user: tuple[str, str] | None = None) -> str:
    """The configuration with the sockets 7 for the listener and 8 for the control socket."""
    return render(
        configuration,
        records,
        listening={(LISTENER.address, LISTENER.port): 7},
        control=8,
        log=9,
        error_files={},
        user=user,
    )


def section(text: str, name: str) -> list[str]:
    """The lines of one section."""
    block = next(one for one in text.split("\n\n") if one.splitlines()[0] == name)
    return [line.strip() for line in block.splitlines()[1:]]


CONFIGURATION = Configuration(listeners=(LISTENER,), groups=(GROUP,))


def test_nothing_is_retried_and_no_page_of_statistics_is_served() -> None:
    text = rendered(CONFIGURATION)

    assert "retries 0" in section(text, "defaults")
    assert "no option redispatch" in section(text, "defaults")
    assert "stats enable" not in text
    assert "stats uri" not in text


def test_each_request_is_logged_and_no_health_check_is() -> None:
    text = rendered(CONFIGURATION)

    assert "log fd@9 format raw local0" in section(text, f"frontend {LISTENER.name}")
    assert text.count("log fd@9") == 1


def test_the_health_check_is_the_target_groups() -> None:
    lines = section(rendered(CONFIGURATION), f"backend {GROUP.name}")

    assert any(line.startswith("http-check send meth GET uri /healthz ver HTTP/1.1") for line in lines)
    assert "http-check expect status 200-299" in lines
    assert "timeout check 5s" in lines
    assert server_options(CHECK, is_probing=False) == "check inter 10s rise 3 fall 2"
    assert (
        server_options(replace(CHECK, port=81), is_probing=False) == "check port 81 inter 10s rise 3 fall 2"
    )


def test_least_outstanding_requests_is_leastconn() -> None:
    group = replace(GROUP, algorithm="least_outstanding_requests")

    text = rendered(replace(CONFIGURATION, groups=(group,)))

    assert "balance leastconn" in section(text, f"backend {GROUP.name}")


def test_only_a_healthy_target_begins_with_traffic_in_a_new_process() -> None:
    healthy = record(phase=Phase.IN_SERVICE, is_up=True)
    address = healthy.target.server

    def servers(one: Record, backend: str) -> list[str]:
        lines = section(rendered(CONFIGURATION, one), f"backend {backend}")
        return [line for line in lines if line.startswith("server ")]

    unhealthy = replace(healthy, is_up=False)
    assert not servers(healthy, GROUP.name)[0].endswith("disabled")
    assert servers(unhealthy, GROUP.name)[0].endswith("disabled")
    assert servers(record(), GROUP.name)[0].endswith("disabled")
    assert servers(replace(healthy, phase=Phase.DRAINING), GROUP.name)[0].endswith("disabled")
    assert servers(unhealthy, GROUP.fail_open_name) == [f"server {address} {address}"]
    assert servers(record(), GROUP.fail_open_name) == [f"server {address} {address} disabled"]


def test_weights_become_lots() -> None:
    groups = (WeightedGroup(name="a", weight=3), WeightedGroup(name="b", weight=1))
    listener = replace(LISTENER, action=Forward(groups=groups))

    lines = section(rendered(Configuration(listeners=(listener,))), "frontend listener-1")

    assert "http-request set-var(txn.lot) rand(4)" in lines
    assert "use_backend a if { var(txn.lot) -m int lt 3 }" in lines
    assert "use_backend b if { var(txn.lot) -m int lt 4 }" in lines


def test_root_gives_its_privileges_up() -> None:
    assert "user haproxy" in section(rendered(CONFIGURATION, user=("haproxy", "haproxy")), "global")
    assert "user" not in rendered(CONFIGURATION)


def test_an_error_page_has_the_length_it_says() -> None:
    head, body = error_file(502).split("\r\n\r\n", 1)

    assert head.startswith("HTTP/1.1 502 Bad Gateway\r\n")
    assert f"Content-Length: {len(body)}" in head


@given(st.text(min_size=1))
def test_a_quoted_text_is_one_plain_word(text: str) -> None:
    word = quote(text)

    assert word.isascii()
    assert not set(word) & set(" \t\r\n\"'#${}[]%;")
    assert bytes(word, "ascii").decode("unicode_escape").encode("latin-1").decode() == text


def test_haproxy_accepts_every_kind_of_listener(tmp_path: Path) -> None:
    fixed = FixedResponse(status=503, content_type="text/html", body="it's {late} #1 %[src] \"\\\n")
    groups = (WeightedGroup(name=GROUP.name, weight=3), WeightedGroup(name="other", weight=1))
    listeners = (
        LISTENER,
        replace(LISTENER, name="listener-2", action=fixed),
        replace(LISTENER, name="listener-3", action=replace(fixed, body="")),
        replace(LISTENER, name="listener-4", action=Forward(groups=groups)),
    )
    other = replace(GROUP, name="other", health_check=replace(CHECK, path="/a b?c=%d#e", codes="200,301-399"))
    configuration = Configuration(listeners=listeners, groups=(GROUP, other))
    with closing(socket.socket()) as listening, closing(socket.socket(socket.AF_UNIX)) as control:
        listening.bind(("127.0.0.1", 0))
        text = render(
            configuration,
            [record(), record(phase=Phase.IN_SERVICE, is_up=True, group=other)],
            listening={(LISTENER.address, LISTENER.port): listening.fileno()},
            control=control.fileno(),
            log=control.fileno(),
            error_files={},
            user=None,
        )
        path = tmp_path / "haproxy.cfg"
        path.write_text(text)

        checked = subprocess.run(
            [find_haproxy(), "-c", "-f", str(path)],
            pass_fds=[listening.fileno(), control.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )

    assert checked.returncode == 0, checked.stderr
    assert "[WARNING]" not in checked.stderr
