"""The load generator is honest: what it did not send or did not get shows in its report."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.load import LoadReport, Sample, load

Answer = Callable[[BaseHTTPRequestHandler], None]
BODY = json.dumps({"ami_id": "ami-1", "instance_id": "i-1"}).encode()


class Server(ThreadingHTTPServer):
    """A web app of one machine that answers as the test says."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer: Answer) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Starts a server and returns its URL."""
    servers = []

    def start(answer: Answer) -> str:
        servers.append(Server(answer))
        return servers[-1].url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = BODY) -> None:
    """One whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_sends_at_the_rate_over_kept_and_new_connections_and_tells_who_answered(
    serve: Callable[[Answer], str], tmp_path: Path
) -> None:
    seen: list[tuple[str, int]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.client_address[1]))
        send(handler)

    with load(serve(answer), tmp_path, requests_per_second=100, slow_path="/slow", slow_every=10) as sending:
        sending.wait_for_requests(100)
    report = sending.report()

    assert report.total == len(seen)
    assert report.requests_per_second == pytest.approx(100, rel=0.1)
    assert report.answered_by_ami == {"ami-1": report.total}
    assert report.failed == []
    assert sum(path == "/slow" for path, _ in seen) == -(-len(seen) // 10)
    assert len(seen) / 2 < len({port for _, port in seen}) < len(seen) * 0.7


def test_what_fails_is_counted_by_its_kind(serve: Callable[[Answer], str], tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/slow":
            send(handler, 502, b"<html>")
        else:
            send(handler, 200, b"no facts")

    with load(serve(answer), tmp_path, requests_per_second=100, slow_path="/slow", slow_every=2) as sending:
        sending.wait_for_requests(20)

    assert set(sending.report().failed_by_kind) == {"HTTP 502", "HTTP 200"}


def test_a_request_that_the_client_library_sends_again_has_failed(
    serve: Callable[[Answer], str], tmp_path: Path
) -> None:
    used: set[object] = set()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.client_address in used:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        else:
            used.add(handler.client_address)
            send(handler)

    with load(serve(answer), tmp_path, requests_per_second=50) as sending:
        sending.wait_for_requests(50)
    report = sending.report()

    assert len(report.failed) > 10
    assert all("tried again" in sample.failure for sample in report.failed)


def test_nobody_who_listens_is_a_failure_of_every_request(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with load(url, tmp_path, requests_per_second=50) as sending:
            sending.wait_for_requests(10)

    assert set(sending.report().failed_by_kind) == {"ClientConnectorError"}


def sample(at: float, failure: str = "", late: float = 0.0) -> Sample:
    """A request of the second *at* that was answered half a second later."""
    return Sample(
        path="/version",
        due=at - late,
        sent=at,
        answered=at + 0.5,
        status=200,
        failure=failure,
        ami_id="ami-1",
        instance_id="i-1",
    )


def test_a_generator_that_fell_behind_shows_in_the_lowest_rate_and_the_longest_delay() -> None:
    steady = [sample(number / 10) for number in range(100)]
    halted = [sample(10 + number / 10, late=4) for number in range(60) if number % 10 == 0]

    report = LoadReport([*steady, *halted])

    assert LoadReport(steady).lowest_requests_per_second == pytest.approx(10)
    assert report.lowest_requests_per_second == pytest.approx(1)
    assert report.longest_delay_seconds == pytest.approx(4)


def test_a_report_is_one_line() -> None:
    answers = [sample(number / 10) for number in range(1001)]

    good = str(LoadReport(answers))
    bad = str(LoadReport([*answers, sample(101, "HTTP 502"), sample(103.5, "HTTP 502")]))

    assert good == "1,001 requests at 10/s, 0 failed, longest pause 0.10 s"
    assert "2 failed (2 HTTP 502) within 2.5 s" in bad
