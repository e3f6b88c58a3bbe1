"""The web app: a page, its facts as JSON, and a health check, as one WSGI application.

It tells which image this machine runs from, so a machine that does not know that must take no traffic: the
application is not created then, and the service fails to start with the reason.
"""

from __future__ import annotations

import html
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template
from typing import Any

BUILD_FACTS = Path("/etc/web-app/image.json")
# Written at each boot: https://cloudinit.readthedocs.io/en/22.4/topics/instancedata.html
# Of EC2 it has what the metadata address answers, by the names there: DataSourceEc2.py, crawl_metadata.
INSTANCE_DATA = Path("/run/cloud-init/instance-data.json")
PAGE = Path(__file__).with_name("page.html")
HEALTH_CHECK = "/healthz"
SECRETS = "secrets.json"
METHODS = ("GET", "HEAD")
FINGERPRINT_SHOWN = 12

HEADERS = {
    "Cache-Control": "no-store",  # another machine may answer the next time
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger("web-app")
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class FactsError(Exception):
    """This machine cannot tell which image it runs from."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the web app tells of its machine; the answer of /version has exactly these fields."""

    ami_id: str
    fingerprint: str
    git_commit: str
    instance_id: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The version id of each secret that this machine has, by its name."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: str
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def read_facts(
    build_facts: Path = BUILD_FACTS, instance_data: Path = INSTANCE_DATA, credentials: str | None = None
) -> Facts:
    """The facts that the image was built with, and those that cloud-init and systemd learned at boot."""
    build = FactsFile(build_facts, "it is written when the image is built: build it with Packer")
    instance = FactsFile(instance_data, "cloud-init writes it at boot: look into /var/log/cloud-init.log")
    return Facts(
        ami_id=instance.text("ds.meta-data.ami-id"),
        fingerprint=build.text("fingerprint"),
        git_commit=build.text("git_commit"),
        instance_id=instance.text("v1.instance_id"),
        secrets=read_secret_versions(credentials or os.environ.get("CREDENTIALS_DIRECTORY")),
    )


def read_secret_versions(credentials: str | None) -> Mapping[str, str]:
    """The versions of the secrets that systemd handed over; this app needs no value of them."""
    if credentials is None:
        return {}
    secrets = FactsFile(Path(credentials) / SECRETS, "web-app-secrets.service writes it at boot")
    return secrets.text_of_each("version")


class FactsFile:
    """A file with a JSON object in it, and where it comes from, for whoever has to mend it."""

    def __init__(self, file: Path, advice: str) -> None:
        self._file = file
        self._advice = advice
        try:
            self._facts = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise self._error(str(error.strerror), "a file to read") from error
        except ValueError as error:
            raise self._error(str(error), "JSON") from error
        if not isinstance(self._facts, dict):
            raise self._error(f"a {type(self._facts).__name__}", "a JSON object")

    def text(self, path: str) -> str:
        """The text at *path*, which is keys with dots between."""
        value = self._facts
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
        raise self._error(f"nothing at {path}", "a text there")

    def text_of_each(self, key: str) -> dict[str, str]:
        """The text at *key* of every object in the file, by the object's name."""
        texts = {}
        for name, values in self._facts.items():
            text = values.get(key) if isinstance(values, dict) else None
            if not isinstance(text, str):
                raise self._error(f"no {key} of {name}", "a text there")
            texts[name] = text
        return texts

    def _error(self, found: str, expected: str) -> FactsError:
        return FactsError(f"{self._file}: {found} · expected {expected} · {self._advice}")


def create_application(build_facts: Path = BUILD_FACTS, instance_data: Path = INSTANCE_DATA) -> Application:
    """The application for a WSGI server; ends the process with the reason when there are no facts to tell."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    try:
        facts = read_facts(build_facts, instance_data)
    except FactsError as error:
        sys.exit(f"web-app does not start: {error}")
    return Application(facts, Template(PAGE.read_text(encoding="utf-8")))


class Application:
    """A WSGI application (PEP 3333) that answers with *facts*."""

    def __init__(self, facts: Facts, page: Template) -> None:
        self._facts = facts
        self._page = page

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO") or "/"
        answer = self.answer(method, path)
        if path != HEALTH_CHECK or not answer.status.startswith("200"):
            # repr: a path may hold a line break, and must not write a line of its own.
            log.info("%s %r %s", method, path, answer.status)
        headers = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        start_response(answer.status, list({**headers, **HEADERS, **answer.headers}.items()))
        return [b"" if method == "HEAD" else answer.body]

    def answer(self, method: str, path: str) -> Answer:
        """What *method* on *path* is answered with."""
        routes = {"/": self._show_page, "/version": self._tell_version, HEALTH_CHECK: self._check_health}
        if path not in routes:
            return _plain("404 Not Found", f"nothing here; there is {', '.join(routes)}")
        if method not in METHODS:
            return _plain("405 Method Not Allowed", f"only {', '.join(METHODS)}", Allow=", ".join(METHODS))
        return routes[path]()

    def _show_page(self) -> Answer:
        facts = self._facts
        secrets = ", ".join(f"{name} (version {version})" for name, version in facts.secrets.items())
        shown = {
            **asdict(facts),
            "secrets": secrets or "none",
            "short": facts.fingerprint[:FINGERPRINT_SHOWN],
        }
        page = self._page.substitute({name: html.escape(value) for name, value in shown.items()})
        return Answer(status="200 OK", content_type="text/html; charset=utf-8", body=page.encode())

    def _tell_version(self) -> Answer:
        body = json.dumps(asdict(self._facts)).encode() + b"\n"
        return Answer(status="200 OK", content_type="application/json", body=body)

    def _check_health(self) -> Answer:
        """Healthy is a machine that can show its page: all the app needs is in it."""
        try:
            self._show_page()
        except Exception as error:
            log.exception("unhealthy")
            return _plain("503 Service Unavailable", f"the page cannot be shown: {type(error).__name__}")
        return _plain("200 OK", "ok")


def _plain(status: str, line: str, **headers: str) -> Answer:
    body = f"{line}\n".encode()
    return Answer(status=status, content_type="text/plain; charset=utf-8", body=body, headers=headers)
