"""What haproxy logs of each request, on a socket that its processes inherit: how long the target took.

haproxy writes without waiting. Lines that do not fit, because nobody reads, are lost and nothing else is.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Iterable, Mapping

LOG_FORMAT = "%b %Tr"
"""The backend, and the time from the whole request sent to the first bytes of the answer (management guide,
"Timing events"): what CloudWatch calls TargetResponseTime."""

NO_ANSWER = -1
BUFFER_BYTES = 1 << 20


class RequestLog:
    """Counts of requests by backend and milliseconds; NO_ANSWER where no target answered."""

    def __init__(self) -> None:
        self._reader: socket.socket | None = None
        self._rest = b""
        self.writer: socket.socket | None = None
        self.counts: Counter[tuple[str, int]] = Counter()

    def open(self) -> None:
        """Make the socket; haproxy is given its `writer`."""
        self._reader, self.writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._reader.setblocking(False)
        self.writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)

    def read(self) -> None:
        """Take in all that was written so far."""
        if self._reader is None:
            return
        with contextlib.suppress(BlockingIOError):
            while received := self._reader.recv(BUFFER_BYTES):
                *lines, self._rest = (self._rest + received).split(b"\n")
                self.counts.update(parse_lines(lines))

    def close(self) -> None:
        """Close the socket; the counts stay."""
        for end in (self._reader, self.writer):
            if end is not None:
                end.close()
        self._reader = self.writer = None


def parse_lines(lines: Iterable[bytes]) -> list[tuple[str, int]]:
    """(backend, milliseconds) of each whole line."""
    parsed = []
    for line in lines:
        backend, _, milliseconds = line.decode(errors="replace").strip().rpartition(" ")
        if backend and milliseconds.removeprefix("-").isdecimal():
            parsed.append((backend, max(int(milliseconds), NO_ANSWER)))
    return parsed


def count_by_group(
    counts: Mapping[tuple[str, int], int], backends: Mapping[str, tuple[str, str]]
) -> dict[str, Counter[int]]:
    """How often a request took so many milliseconds, by target group ARN; *backends* as for summarize()."""
    by_group: dict[str, Counter[int]] = {group: Counter() for _, group in backends.values()}
    for (backend, milliseconds), count in counts.items():
        if backend in backends:
            by_group[backends[backend][1]][milliseconds] += count
    return by_group
