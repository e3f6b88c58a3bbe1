"""The web app without a machine: its answers, and when it refuses to start."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from tests.images.conftest import BUILD_FACTS

FACTS = {**BUILD_FACTS, "ami_id": "ami-0a1", "instance_id": "i-0b2"}


@pytest.fixture
def application(server: ModuleType, build_facts: Path, instance_data: Path) -> Any:
    """The web app with facts to tell."""
    return server.create_application(build_facts, instance_data)


def ask(application: Any, path: str, method: str = "GET") -> tuple[str, dict[str, str], str]:
    """Status, headers and body of an answer that PEP 3333's own checker found no fault with."""
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
    }
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        started.extend([status, dict(headers)])
        return lambda _: None

    result: Any = validator(application)(environ, start_response)
    body = b"".join(result).decode()
    result.close()
    return started[0], started[1], body


def test_version_tells_exactly_its_facts_as_json(application: Any) -> None:
    status, headers, body = ask(application, "/version")

    assert status == "200 OK"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {**FACTS, "secrets": {}}


def test_the_page_shows_every_fact_and_is_not_cached(application: Any) -> None:
    status, headers, body = ask(application, "/")

    assert status == "200 OK"
    assert headers["Content-Type"].startswith("text/html")
    assert headers["Cache-Control"] == "no-store"
    for value in FACTS.values():
        assert f"<dd>{value}</dd>" in body


def test_names_and_versions_of_secrets_are_told_and_no_value(
    server: ModuleType,
    build_facts: Path,
    instance_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets = {
        "prod/web.database": {"version": "1f2e", "value": "hunter2"},
        "/prod/token": {"version": "3", "value": "hunter3"},
    }
    (tmp_path / "secrets.json").write_text(json.dumps(secrets))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    application = server.create_application(build_facts, instance_data)

    version, page = ask(application, "/version")[2], ask(application, "/")[2]
    assert json.loads(version)["secrets"] == {"prod/web.database": "1f2e", "/prod/token": "3"}
    assert "<dd>prod/web.database (version 1f2e), /prod/token (version 3)</dd>" in page
    assert "hunter" not in version + page


def test_a_machine_that_was_handed_no_file_of_secrets_does_not_start(
    server: ModuleType,
    build_facts: Path,
    instance_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    with pytest.raises(SystemExit, match="web-app-secrets"):
        server.create_application(build_facts, instance_data)


def test_the_page_loads_nothing_from_elsewhere(application: Any) -> None:
    _, headers, body = ask(application, "/")

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "src=" not in body
    assert "href=" not in body


def test_a_fact_is_shown_as_text_whatever_it_contains(
    server: ModuleType, build_facts: Path, instance_data: Path
) -> None:
    build_facts.write_text(json.dumps({**BUILD_FACTS, "git_commit": "<script>$x"}))

    _, _, body = ask(server.create_application(build_facts, instance_data), "/")

    assert "<dd>&lt;script&gt;$x</dd>" in body


def test_a_machine_that_can_show_its_page_is_healthy(application: Any) -> None:
    assert ask(application, "/healthz")[::2] == ("200 OK", "ok\n")


def test_a_machine_that_cannot_show_its_page_is_unhealthy(server: ModuleType, caplog: Any) -> None:
    broken = server.Application(server.Facts(**FACTS), server.Template("$no_such_fact"))

    status, _, body = ask(broken, "/healthz")

    assert status == "503 Service Unavailable"
    assert body == "the page cannot be shown: KeyError\n"
    assert "unhealthy" in caplog.text


def test_head_answers_like_get_without_a_body(application: Any) -> None:
    _, get_headers, get_body = ask(application, "/version")
    status, head_headers, head_body = ask(application, "/version", "HEAD")

    assert (status, head_headers, head_body) == ("200 OK", get_headers, "")
    assert int(head_headers["Content-Length"]) == len(get_body.encode())


def test_any_other_path_is_not_found(application: Any) -> None:
    assert ask(application, "/etc/passwd")[0] == "404 Not Found"


def test_any_other_method_is_refused_and_the_allowed_ones_named(application: Any) -> None:
    status, headers, _ = ask(application, "/", "POST")

    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"


def test_a_request_is_one_line_of_the_log_whatever_its_path(application: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO)

    ask(application, "/version\nforged 200 OK")

    assert [record.getMessage() for record in caplog.records] == [
        "GET '/version\\nforged 200 OK' 404 Not Found"
    ]


def test_health_checks_are_not_logged(application: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO)

    ask(application, "/healthz")

    assert caplog.records == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory · expected a file to read"),
        ("{", "expected JSON"),
        ("[]", "a list · expected a JSON object"),
        ('{"git_commit": "4e5f6a7"}', "nothing at fingerprint · expected a text"),
        ('{"git_commit": "4e5f6a7", "fingerprint": ""}', "nothing at fingerprint · expected a text"),
        ('{"git_commit": "4e5f6a7", "fingerprint": 7}', "nothing at fingerprint · expected a text"),
    ],
)
def test_it_does_not_start_without_its_build_facts(
    server: ModuleType, build_facts: Path, instance_data: Path, content: str | None, reason: str
) -> None:
    if content is None:
        build_facts.unlink()
    else:
        build_facts.write_text(content)

    with pytest.raises(SystemExit) as stopped:
        server.create_application(build_facts, instance_data)

    assert str(stopped.value).startswith(f"web-app does not start: {build_facts}: ")
    assert reason in str(stopped.value)


@pytest.mark.parametrize(
    "data", [{}, {"ds": {"meta-data": None}}, {"ds": [], "v1": {"instance_id": "i-0b2"}}]
)
def test_it_does_not_start_on_a_machine_that_does_not_know_its_ami(
    server: ModuleType, build_facts: Path, instance_data: Path, data: dict[str, Any]
) -> None:
    instance_data.write_text(json.dumps(data))

    with pytest.raises(SystemExit, match=r"nothing at ds\.meta-data\.ami-id"):
        server.create_application(build_facts, instance_data)
