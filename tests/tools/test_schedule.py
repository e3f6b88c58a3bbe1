"""Promises of tools/fresh_machine/schedule.py: order, concurrency, progress, failure."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from tools.fresh_machine import schedule
from tools.fresh_machine.processes import Processes
from tools.fresh_machine.schedule import Schedule, format_duration, runnable
from tools.fresh_machine.step import Step, Work
from tools.toolchain import ROOT


def step(
    name: str,
    run: Callable[[Work], None] = lambda _work: None,
    *,
    after: Sequence[str] = (),
    is_done: bool = False,
) -> Step:
    return Step(name=name, doing=f"doing {name}", after=after, is_done=lambda: is_done, run=run)


def _ignore(_value: object) -> None:
    """Make an expression of a call whose result does not matter."""


def test_a_step_can_begin_when_those_before_it_are_done() -> None:
    steps = [
        step("debian"),
        step("python"),
        step("image", after=["debian", "python"]),
        step("x", after=["no"]),
    ]

    assert [ready.name for ready in runnable(steps, set(), set())] == ["debian", "python", "x"]
    assert [ready.name for ready in runnable(steps, {"debian"}, {"debian", "python", "x"})] == []
    assert [ready.name for ready in runnable(steps, {"debian", "python"}, {"debian", "python", "x"})] == [
        "image"
    ]


def test_runs_steps_that_do_not_wait_for_each_other_at_once(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=10)
    steps = [
        step("one", lambda _work: _ignore(meeting.wait())),
        step("two", lambda _work: _ignore(meeting.wait())),
    ]

    assert Schedule(steps, Processes(), tmp_path).run()


def test_says_when_a_step_begins_and_ends_and_nothing_about_one_that_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [step("new"), step("old", is_done=True)]

    assert Schedule(steps, Processes(), tmp_path).run()

    printed = capsys.readouterr().out
    assert "setup: new  doing new ...\n" in printed
    assert "setup: new  done in 0.0 s\n" in printed
    assert "old" not in printed


def test_says_now_and_then_that_a_long_step_is_still_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_told = threading.Event()
    monkeypatch.setattr(schedule, "TELL_EVERY_SECONDS", 0.01)
    plan = Schedule([step("long", lambda _work: _ignore(is_told.wait(timeout=10)))], Processes(), tmp_path)
    tell = plan.tell

    def tell_and_notice(name: str, text: str) -> None:
        tell(name, text)
        if "still at it" in text:
            is_told.set()

    monkeypatch.setattr(plan, "tell", tell_and_notice)

    assert plan.run()
    assert f"{tmp_path / 'setup-long.log'}" in capsys.readouterr().out


def test_a_failure_shows_the_last_lines_and_the_log_and_begins_nothing_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []
    steps = [
        step("broken", lambda work: work.run("sh", "-c", "echo the reason; exit 3")),
        step("later", lambda _work: begun.append("later"), after=["broken"]),
    ]

    assert not Schedule(steps, Processes(), tmp_path).run()

    printed = capsys.readouterr().out
    assert "| the reason" in printed
    assert "FAILED" in printed
    assert "exit status 3" in printed
    assert str(tmp_path / "setup-broken.log") in printed
    assert begun == []


def test_a_command_that_does_not_exist_is_a_failure_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not Schedule([step("go", lambda work: work.run("no-such-command"))], Processes(), tmp_path).run()

    assert "no-such-command: not found" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_set_up_leaves_no_child_behind(tmp_path: Path, number: signal.Signals) -> None:
    program = f"""
import signal, sys
from pathlib import Path
from tools.fresh_machine import main as module
from tools.fresh_machine.step import Step
module.LOGS = Path({str(tmp_path)!r})
module.plan = lambda *_: [Step(name="long", doing="-", is_done=lambda: False,
    run=lambda work: work.run("sh", "-c", "sleep 300 & echo $! > {tmp_path}/child; wait"))]
module.find_problems = lambda *_, **__: []
sys.argv = ["setup"]
sys.exit(module.main())
"""
    set_up = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        child_file = tmp_path / "child"
        while not (child_file.exists() and child_file.read_text().strip()):
            assert set_up.poll() is None
        child = psutil.Process(int(child_file.read_text()))

        os.kill(set_up.pid, number)

        assert set_up.wait(timeout=20) == 130
        child.wait(timeout=10)
    finally:
        set_up.kill()
        set_up.communicate()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59, "59 s"), (125, "2 min 05 s")]
)
def test_says_durations_as_people_do(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
