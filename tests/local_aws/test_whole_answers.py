"""An answer reaches a client that reads no further than its first bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server

from local_aws.whole_answers import WholeAnswers

BODY = b"x" * 3000


def answer(_: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(len(BODY)))])
    return [BODY]


@pytest.fixture
def port() -> Iterator[int]:
    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=WholeAnswers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_headers_and_the_body_of_an_answer_arrive_together(port: int) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: local\r\n\r\n")

            assert connection.recv(4096).endswith(b"\r\n\r\n" + BODY)
