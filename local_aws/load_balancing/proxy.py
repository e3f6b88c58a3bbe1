"""Keeps haproxy doing what the configuration says: starts, replaces and watches it, and moves targets on.

Targets come and go through haproxy's runtime API. A new process takes over the listening sockets only when a
listener, a target group's health check or a like thing changes; the old one finishes its requests.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from local_aws.load_balancing import ports
from local_aws.load_balancing.haproxy import HaproxyProcess, end_leftovers, unprivileged_user
from local_aws.load_balancing.model import Configuration, Forward
from local_aws.load_balancing.performing import perform, resume
from local_aws.load_balancing.render import ERROR_FILES, error_file, render
from local_aws.load_balancing.request_log import RequestLog, count_by_group
from local_aws.load_balancing.runtime_api import HaproxyError
from local_aws.load_balancing.statistics import Row, Statistics, Tally, summarize
from local_aws.load_balancing.targets import FULL_WEIGHT, Act, Record, advance, reconcile

RETRY_AFTER_SECONDS = 2

logger = logging.getLogger(__name__)

Records = dict[tuple[str, str], Record]


class Proxy:
    """One haproxy for all load balancers of a local AWS."""

    def __init__(self, folder: Path, read_configuration: Callable[[], Configuration]) -> None:
        self._folder = folder
        self._read_configuration = read_configuration
        self._lock = threading.RLock()
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._process: HaproxyProcess | None = None
        self._retiring: list[HaproxyProcess] = []
        self._running = Configuration()
        self._generation = 0
        self._retry_at = 0.0
        self._started_at = 0.0
        self._is_stopped = False
        self._tally = Tally()
        self._requests = RequestLog()
        self._frontends: dict[str, str] = {}
        self._backends: dict[str, tuple[str, str]] = {}
        self.records: Records = {}  # replaced as a whole: may be read without the lock

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold haproxy still while a listener is claimed, recorded and applied."""
        with self._lock:
            yield

    def start(self) -> None:
        """Allow haproxy to run, and end what a killed local AWS left behind."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for pid in end_leftovers(self._folder):
            logger.warning("ended haproxy (pid %s) of an earlier run", pid)
        self._requests.open()
        self._is_stopped = False

    def claim(self, address: str, port: int) -> None:
        """Listen on *port* of *address*, or raise PortTakenError."""
        with self._lock:
            if self._is_stopped:
                raise ports.PortTakenError(f"{address}:{port} is not listened on · the local AWS is stopping")
            if (address, port) not in self._sockets:
                self._sockets[(address, port)] = ports.listen(address, port)

    def release_unused(self) -> None:
        """Stop listening where no listener is."""
        with self._lock:
            wanted = self._read_configuration().endpoints
            for endpoint in [one for one in self._sockets if one not in wanted]:
                self._sockets.pop(endpoint).close()

    def apply(self) -> None:
        """Make haproxy do what the configuration now says; raise HaproxyError when it cannot."""
        with self._lock:
            if not self._is_stopped:
                self._follow(self._read_configuration())
                self.release_unused()

    def tick(self) -> None:
        """Look after haproxy and the targets once; what fails is logged and tried again."""
        with self._lock:
            self._notice_ends()
            if time.monotonic() < self._retry_at:
                return
            try:
                self.apply()
            except (HaproxyError, ports.PortTakenError, OSError) as error:
                logger.error("%s", error)
                # What haproxy now has is uncertain: a new process begins from what is recorded.
                self._running = Configuration()
                self._retry_at = time.monotonic() + RETRY_AFTER_SECONDS

    def stop(self) -> None:
        """End every haproxy process and close every socket."""
        with self._lock:
            self._is_stopped = True
            for process in [*self._retiring, *([self._process] if self._process else [])]:
                process.kill()
            self._retiring, self._process = [], None
            self._running, self.records = Configuration(), {}
            for listening in self._sockets.values():
                listening.close()
            self._sockets = {}
            self._requests.close()
            (self._folder / "haproxy.pid").unlink(missing_ok=True)
            end_leftovers(self._folder)

    def statistics(self) -> Statistics:
        """What was answered since the start, as far as haproxy said it until its last look."""
        with self._lock:
            self._requests.read()
            counted = summarize(self._tally.totals(), dict(self._frontends), dict(self._backends))
            return replace(counted, milliseconds=count_by_group(self._requests.counts, self._backends))

    def _notice_ends(self) -> None:
        for process in [one for one in self._retiring if one.exit_code is not None]:
            process.forget()
            self._retiring.remove(process)
        if self._process and self._process.exit_code is not None:
            logger.error(
                "haproxy (pid %s) ended by itself with code %s · it is started again",
                self._process.pid,
                self._process.exit_code,
            )
            self._process.forget()
            self._process = None
            self._tally.close()
            if time.monotonic() - self._started_at < RETRY_AFTER_SECONDS:
                self._retry_at = time.monotonic() + RETRY_AFTER_SECONDS

    def _follow(self, configuration: Configuration) -> None:
        now = time.monotonic()
        if not configuration.listeners:
            self._retire()
            self._running, self.records = Configuration(), {}
            return
        if self._process is None or configuration.shape() != self._running.shape():
            self._replace(configuration)
        assert self._process is not None  # noqa: S101 - _replace raises or sets it
        records, acts = reconcile(self.records, configuration.groups, generation=self._generation, now=now)
        self._do(acts)
        self.records = self._advance(records, self._process.rows(), now)
        self._running = configuration

    def _replace(self, configuration: Configuration) -> None:
        """Start a process for *configuration* and let the running one finish its requests."""
        groups = {group.name for group in configuration.groups}
        records = {key: record for key, record in self.records.items() if key[0] in groups}
        for endpoint in configuration.endpoints:
            self.claim(*endpoint)
        process = HaproxyProcess(number=self._generation + 1, folder=self._folder)
        control = process.open_control()
        listening = {one: self._sockets[one] for one in configuration.endpoints}
        log = self._requests.writer
        assert log is not None  # noqa: S101 - open from start() to stop(), and nothing is applied outside
        try:
            text = render(
                configuration,
                records.values(),
                listening={endpoint: one.fileno() for endpoint, one in listening.items()},
                control=control.fileno(),
                log=log.fileno(),
                error_files=self._write_error_files(),
                user=unprivileged_user(),
            )
            process.start(text, control=control, inherited=[*listening.values(), log])
        finally:
            control.close()
        self._retire()
        self._process, self._generation = process, process.number
        self._started_at = time.monotonic()
        self._name(configuration)
        self.records = records
        for record in records.values():
            resume(process, record)

    def _retire(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            self._tally.see(self._process.rows())
        self._tally.close()
        self._process.retire()
        self._retiring.append(self._process)
        self._process = None

    def _write_error_files(self) -> dict[int, str]:
        paths = {}
        for status, answer in ERROR_FILES.items():
            path = self._folder / f"{answer}.http"
            path.write_bytes(error_file(answer).encode())
            paths[status] = str(path)
        return paths

    def _name(self, configuration: Configuration) -> None:
        for listener in configuration.listeners:
            self._frontends[listener.name] = listener.load_balancer
            if isinstance(listener.action, Forward):
                groups = {one.name for one in listener.action.groups}
                for group in (one for one in configuration.groups if one.name in groups):
                    for backend in (group.name, group.fail_open_name):
                        self._backends[backend] = (listener.load_balancer, group.arn)

    def _do(self, acts: list[tuple[Act, Record]]) -> None:
        assert self._process is not None  # noqa: S101 - called while a process runs
        for act, record in acts:
            perform(self._process, act, record)

    def _advance(self, records: Records, rows: list[Row], now: float) -> Records:
        """Move every target on by what haproxy reported, and have the consequences done."""
        self._tally.see(rows)
        self._requests.read()
        by_server = {(row.proxy, row.server): row for row in rows}
        newest_retiring = max((process.number for process in self._retiring), default=0)
        after: Records = {}
        for key, record in records.items():
            row = _merge(by_server.get(key), by_server.get((record.group.fail_open_name, key[1])))
            peers = (
                one.group.name == key[0] and one.is_up and one.weight == FULL_WEIGHT
                for other, one in records.items()
                if other != key
            )
            moved, acts = advance(
                record,
                row,
                now=now,
                newest_retiring=newest_retiring,
                has_peer=bool(record.group.slow_start_seconds) and any(peers),
            )
            self._do(acts)
            if moved is not None:
                after[key] = moved
        return after


def _merge(row: Row | None, fail_open: Row | None) -> Row | None:
    """The checked server's *row*, with the sessions of its fail-open twin counted too."""
    if row is None or fail_open is None:
        return row
    sessions = row.current_sessions + fail_open.current_sessions
    return Row(**{**vars(row), "current_sessions": sessions})
