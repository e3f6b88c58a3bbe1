"""Fetching secrets without a machine: what is written for whom, and when it gives up."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from tests.images.conftest import WEB_APP

REGION = "eu-central-1"
VALUE = "hunter2-never-shown"


@pytest.fixture
def program() -> ModuleType:
    """The program as the image has it."""
    spec = importlib.util.spec_from_file_location("fetch_secrets", WEB_APP / "app" / "fetch_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with secrets of every kind."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client("secretsmanager").create_secret(Name="prod/database", SecretString=VALUE)
        client("secretsmanager").create_secret(Name="prod/key", SecretBinary=b"\x00\xff")
        client("ssm").put_parameter(Name="/prod/token", Value=VALUE, Type="SecureString")
        yield


def client(service: str) -> Any:
    """Whoever keeps secrets."""
    make: Any = boto3.client
    return make(service, region_name=REGION)


def ask_for(folder: Path, *names: str) -> Path:
    """The file that user data writes."""
    file = folder / "asked.json"
    file.write_text(json.dumps({"region": REGION, "secrets": dict.fromkeys(names, "1")}))
    return file


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def failure(code: str) -> ClientError:
    """An answer of AWS that is no secret."""
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "GetSecretValue")


@pytest.mark.usefixtures("aws")
def test_values_go_to_a_file_that_root_alone_reads_and_names_and_versions_to_the_log(
    program: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched = tmp_path / "secrets.json"

    program.main(ask_for(tmp_path, "prod/database", "prod/key", "/prod/token"), fetched)

    secrets = json.loads(fetched.read_text())
    assert secrets["prod/database"]["value"] == VALUE
    assert secrets["prod/key"]["base64"] == "AP8="
    assert secrets["/prod/token"] == {"version": "1", "value": VALUE}
    assert fetched.stat().st_mode & 0o777 == 0o600
    printed = capsys.readouterr().out
    assert f"prod/database (version {secrets['prod/database']['version']})" in printed
    assert VALUE not in printed


def test_a_machine_without_secrets_hands_over_none_at_once(program: ModuleType, tmp_path: Path) -> None:
    program.main(tmp_path / "none", tmp_path / "secrets.json")

    assert json.loads((tmp_path / "secrets.json").read_text()) == {}


@pytest.mark.usefixtures("aws")
def test_a_missing_secret_fails_the_boot_with_its_name_and_the_reason(
    program: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as end:
        program.main(ask_for(tmp_path, "prod/database", "prod/gone"), tmp_path / "secrets.json")

    assert str(end.value.code).startswith("web-app-secrets: prod/gone cannot be read: ")
    assert "ResourceNotFoundException" in str(end.value.code)
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize("error", [failure("ThrottlingException"), EndpointConnectionError(endpoint_url="u")])
def test_what_passes_by_itself_is_tried_again(
    program: ModuleType, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[Exception | Mapping[str, str]] = [error, error, {"version": "1", "value": VALUE}]
    clock = Clock()

    def read(_: str) -> Mapping[str, str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    found = program.fetch(["db"], read, now=clock.now, sleep=clock.sleep)

    assert found["db"]["value"] == VALUE
    assert capsys.readouterr().out.count("db: ") == 1


@pytest.mark.parametrize(
    ("code", "seconds"),
    [
        ("AccessDeniedException", 62),
        ("ThrottlingException", 62),
        ("ResourceNotFoundException", 0),
        ("ParameterNotFound", 0),
        ("InvalidRequestException", 0),
    ],
)
def test_it_gives_up_in_time_and_at_once_where_waiting_cannot_help(
    program: ModuleType, code: str, seconds: int
) -> None:
    clock = Clock()

    def read(_: str) -> Mapping[str, str]:
        raise failure(code)

    with pytest.raises(program.SecretError, match=rf"^db cannot be read: .*\({code}\).*said AWS"):
        program.fetch(["db"], read, now=clock.now, sleep=clock.sleep)

    assert clock.seconds == seconds


def test_user_data_of_something_else_is_refused_with_the_file(program: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text("[]")

    with pytest.raises(SystemExit, match=r"asked\.json is not what user data writes"):
        program.main(tmp_path / "asked.json", tmp_path / "secrets.json")
