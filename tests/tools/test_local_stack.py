"""What `make up` and `make env` say when the local AWS is not as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws.home import Home, write_home
from tools import local_stack


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stack, "LOCAL_AWS_HOME", tmp_path / "aws")
    monkeypatch.setattr(local_stack, "LOCAL_BACKEND", tmp_path / "state")


def told(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The line on stderr of a command that fails."""
    monkeypatch.setattr("sys.argv", ["local_stack", command])
    assert local_stack.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    return str(line)


def test_a_local_aws_that_cannot_start_beside_another_one_is_told_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_stack, "run_local_aws", lambda *_: 1)

    assert 'make up LOCAL_AWS_OPTIONS="--port 0 --network auto"' in told("up", monkeypatch, capsys)


def test_a_local_aws_that_hangs_is_told_with_what_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_stack, "run_local_aws", lambda *_: 0)
    monkeypatch.setattr(local_stack, "read_local_aws_status", dict)

    assert "does not answer · run make down" in told("preview", monkeypatch, capsys)


def test_the_environment_of_a_local_aws_that_does_not_run_comes_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(
        folder=tmp_path / "aws",
        name="local-aws-test",
        api_port=4999,
        network="127.0.9",
        load_balancer_address="127.0.9.1",
        generation="test",
        machine_ports=(22,),
    )
    write_home(home)
    monkeypatch.setattr(local_stack, "read_local_home", lambda: home)

    local_stack.print_environment()

    printed = capsys.readouterr()
    assert "does not run: `make up` starts it" in printed.err
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4999" in printed.out
