"""The process of load.py: sends requests at a fixed rate, whatever is answered, and writes a line on each.

Half of them go over kept connections, half over new ones. Nothing is retried and no redirect is followed. It
ends when its input is closed, after the last answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TextIO

import aiohttp

from tests.support.load import NO_ANSWER

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Paths:
    """What is asked for: *path*, and *slow_path* each *slow_every* requests (0: never)."""

    path: str
    slow_path: str
    slow_every: int

    def of(self, number: int) -> str:
        """The path of the request *number*."""
        return self.slow_path if self.slow_every and number % self.slow_every == 0 else self.path


class Generator:
    """The requests on one load balancer."""

    def __init__(self, url: str, paths: Paths, output: TextIO) -> None:
        self._url = url.rstrip("/")
        self._paths = paths
        self._output = output
        self._ended = asyncio.Event()

    async def run(self, requests_per_second: float) -> None:
        """Send until the end of input; each request is sent when it is due, also when answers are late."""
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin, self._ended.set)
        async with (
            _session(is_kept=True) as kept,
            _session(is_kept=False) as fresh,
            asyncio.TaskGroup() as group,
        ):
            began, began_at = loop.time(), time.time()
            number = 0
            while not self._ended.is_set():
                due = number / requests_per_second
                await asyncio.sleep(max(0.0, began + due - loop.time()))
                session = kept if number % 2 else fresh
                group.create_task(self._ask(session, self._paths.of(number), began_at + due))
                number += 1

    async def _ask(self, session: aiohttp.ClientSession, path: str, due: float) -> None:
        connections = SimpleNamespace(count=0)
        sent = time.time()
        status, failure, facts = 0, "", {}
        try:
            async with session.get(
                self._url + path, trace_request_ctx=connections, allow_redirects=False
            ) as answer:
                status, body = answer.status, await answer.read()
            facts = _read_facts(body)
            failure = "" if status == 200 and facts else f"HTTP {status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            failure = type(error).__name__
        if not failure and connections.count > 1:
            failure = NO_ANSWER
        self._write(
            path=path,
            due=due,
            sent=sent,
            answered=time.time(),
            status=status,
            failure=failure,
            ami_id=facts.get("ami_id", ""),
            instance_id=facts.get("instance_id", ""),
        )

    def _write(self, **sample: Any) -> None:
        self._output.write(json.dumps(sample) + "\n")


def _read_facts(body: bytes) -> dict[str, str]:
    try:
        facts = json.loads(body)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _session(*, is_kept: bool) -> aiohttp.ClientSession:
    """A client without a limit of connections that counts those which each request takes."""

    async def count(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.count += 1

    # aiohttp silently sends a GET again when a kept connection ended before the answer; that is no answer.
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(count)
    trace.on_connection_reuseconn.append(count)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=not is_kept),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        trace_configs=[trace],
    )


def main() -> None:
    """Send requests until the input is closed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.load_generator", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--requests-per-second", type=float, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--slow-path", default="")
    parser.add_argument("--slow-every", type=int, default=0)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    paths = Paths(path=arguments.path, slow_path=arguments.slow_path, slow_every=arguments.slow_every)
    with open(arguments.output, "w", buffering=1, encoding="utf-8") as output:  # noqa: PTH123
        asyncio.run(Generator(arguments.url, paths, output).run(arguments.requests_per_second))


if __name__ == "__main__":
    main()
