"""One request and its answer on the wire."""

from __future__ import annotations

import io
import select
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole HTTP answer."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def code(self) -> int:
        """The number of its status."""
        return int(self.status.split()[0])


def read_body(environ: Environ) -> bytes:
    """The body of the request, which can be read again afterwards."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def ask(application: Application, environ: Environ) -> Answer:
    """All of what *application* answers."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:  # noqa: ARG001
        begun.append((status, headers))

    parts = application(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()
    status, headers = begun[-1]
    return Answer(status=status, headers=tuple(headers), body=body)


def is_client_gone(environ: Environ) -> bool:
    """Whether whoever asked has closed the connection, as it does when it dies."""
    connection: socket.socket = environ["werkzeug.socket"]
    try:
        is_readable = bool(select.select([connection], [], [], 0)[0])
        return is_readable and connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def drop_connection(environ: Environ) -> NoReturn:
    """Close the connection without an answer; the server sees a client that went away."""
    connection: socket.socket = environ["werkzeug.socket"]
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        raise ConnectionAbortedError("the client closed the connection first") from error
    raise ConnectionAbortedError("the connection was dropped by a fault")
