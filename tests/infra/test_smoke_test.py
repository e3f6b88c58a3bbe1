"""The smoke test: what it runs, when it runs again, and what it calls a success."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.rollout import InstanceRefresh, InstanceRefreshArgs
from infra.smoke_test import run_smoke_test
from infra.smoke_test_probe import ANSWERS_IN_A_ROW, wait_for_answers
from tests.infra import mocked

ROOT = Path(__file__).parents[2]
OLD, NEW = "ami-old", "ami-new"


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    seconds: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Asker:
    """Answers from a list; the last one stays."""

    answers: list[str]
    asked: int = field(default=0)

    def __call__(self) -> str:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def verdict(asker: Asker, timeout_seconds: float = 60) -> str:
    """What the probe says of these answers."""
    clock = Clock()
    return wait_for_answers(asker, NEW, timeout_seconds, sleep=clock.sleep, clock=lambda: clock.seconds)


def test_answers_in_a_row_with_the_image_are_enough() -> None:
    asker = Asker([NEW])

    assert verdict(asker) == ""
    assert asker.asked == ANSWERS_IN_A_ROW


def test_one_answer_of_the_old_image_starts_the_count_again() -> None:
    asker = Asker([NEW] * (ANSWERS_IN_A_ROW - 1) + [OLD, NEW])

    assert verdict(asker) == ""
    assert asker.asked == 2 * ANSWERS_IN_A_ROW


def test_the_last_wrong_answer_is_told_when_the_time_is_over() -> None:
    assert verdict(Asker(["HTTPError: HTTP Error 502: Bad Gateway", OLD, NEW, OLD])) == OLD


def test_two_images_that_answer_in_turn_are_no_success() -> None:
    assert OLD in verdict(Asker([NEW, OLD] * 1000))


def test_right_answers_that_come_too_slowly_are_told_as_such() -> None:
    clock = Clock()

    def ask_slowly() -> str:
        clock.sleep(4)
        return NEW

    told = wait_for_answers(ask_slowly, NEW, 30, sleep=clock.sleep, clock=lambda: clock.seconds)

    assert told == f"{NEW} only 8 times in a row, each of them slow"


@contextmanager
def serving(*bodies: tuple[int, str]) -> Iterator[str]:
    """A server on this machine whose answers come in turn; yields its URL."""
    turn = iter(range(10**6))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = bodies[next(turn) % len(bodies)]
            self.send_response(status if self.path == "/version" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_probe(url: str, timeout_seconds: str = "30") -> subprocess.CompletedProcess[str]:
    """Run the probe as the resource does, in a Python that has no other packages."""
    return subprocess.run(
        [sys.executable, "-I", "infra/smoke_test_probe.py"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "SMOKE_TEST_URL": url,
            "SMOKE_TEST_AMI_ID": NEW,
            "SMOKE_TEST_TIMEOUT_SECONDS": timeout_seconds,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_probe_succeeds_against_a_server_that_names_the_image() -> None:
    with serving((200, json.dumps({"ami_id": NEW}))) as url:
        done = run_probe(url)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{url} answers with {NEW}\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, json.dumps({"ami_id": OLD})), OLD),
        ((502, "Bad gateway"), "HTTP Error 502"),
        ((200, "<html>"), "JSONDecodeError"),
        ((200, "[]"), "TypeError"),
        ((200, "{}"), "KeyError"),
    ],
)
def test_the_probe_fails_with_the_last_answer_in_one_line(answer: tuple[int, str], words: str) -> None:
    with serving(answer) as url:
        done = run_probe(url, timeout_seconds="0.3")

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert NEW in done.stderr


def test_the_probe_fails_where_nothing_listens() -> None:
    with serving((200, "")) as url:
        pass

    done = run_probe(url, timeout_seconds="0.3")

    assert done.returncode == 1
    assert "Connection refused" in done.stderr


def test_the_command_runs_after_the_rollout_and_again_for_each_image_or_version() -> None:
    dependencies: list[str] = []

    def record(resource: pulumi.ResourceTransformationArgs) -> None:
        depends_on = resource.opts.depends_on
        dependencies.extend(one._name for one in (depends_on if isinstance(depends_on, list) else []))

    def program() -> pulumi.Output[Any]:
        parent = pulumi.ComponentResource(
            "tests:index:Parent", "parent", {}, pulumi.ResourceOptions(transformations=[record])
        )
        rollout = InstanceRefresh(
            "web-rollout",
            InstanceRefreshArgs(
                region="us-east-1",
                auto_scaling_group_name="web",
                launch_template_id="lt-1",
                launch_template_version="2",
                ami_id=NEW,
                min_healthy_percentage=100,
                max_healthy_percentage=150,
                instance_warmup_seconds=0,
                skip_matching=True,
                auto_rollback=True,
                timeout_minutes=1,
            ),
        )
        command = run_smoke_test(
            "web",
            url="http://web",
            ami_id=NEW,
            launch_template_version="2",
            rollout=rollout,
            timeout_seconds=60,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        return command.urn

    mocks, _ = mocked.run(program)

    (command,) = [one for one in mocks.resources if one.typ == "command:local:Command"]
    assert dependencies == ["web-rollout"]
    assert command.inputs["triggers"] == [NEW, "2"]
    assert command.inputs["environment"] == {
        "SMOKE_TEST_URL": "http://web",
        "SMOKE_TEST_AMI_ID": NEW,
        "SMOKE_TEST_TIMEOUT_SECONDS": "60",
    }
    # No path of one machine: states are shared.
    assert command.inputs["create"] == "python3 infra/smoke_test_probe.py"
