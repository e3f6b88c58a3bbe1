"""Promises of bench/__main__.py."""

from __future__ import annotations

import pytest

from bench import __main__ as command
from bench.measure import Result


def test_a_bench_that_does_not_exist_is_refused_and_the_others_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command.main(["fingreprint"])

    assert "there is no bench 'fingreprint'; there are fingerprint, update, build" in capsys.readouterr().err


def test_no_rounds_at_all_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--rounds", "0"])

    assert "one round or more" in capsys.readouterr().err


def test_only_the_benches_asked_for_run_as_often_as_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def run(rounds: int, _: object) -> Result:
        asked.append(rounds)
        return Result(title="the title", ours="a", theirs="b", our_seconds=(1,), their_seconds=(2,))

    monkeypatch.setattr(command, "BENCHES", {"one": (run, 5), "other": (run, 7)})

    assert command.main(["other"]) == 0
    assert command.main(["one", "--rounds", "2"]) == 0

    assert asked == [7, 2]
    assert capsys.readouterr().out.count("the title") == 2


def test_a_bench_that_fails_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_rounds: int, _say: object) -> Result:
        raise RuntimeError("packer build exited 1")

    monkeypatch.setattr(command, "BENCHES", {"build": (run, 3)})

    assert command.main(["build"]) == 1
    assert "bench: packer build exited 1" in capsys.readouterr().err
