"""How the web app is served: its time limits fit those of the load balancer and of systemd."""

from __future__ import annotations

import configparser
import runpy
from typing import Any

import pytest

from tests.images.conftest import WEB_APP

# ALB user guide, "Edit attributes for your Application Load Balancer", connection idle timeout.
LOAD_BALANCER_IDLE_TIMEOUT_SECONDS = 60


@pytest.fixture
def settings() -> dict[str, Any]:
    """gunicorn's settings."""
    return runpy.run_path(str(WEB_APP / "app" / "gunicorn_settings.py"))


@pytest.fixture
def unit() -> configparser.SectionProxy:
    """The [Service] section of the unit."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(WEB_APP / "app" / "web-app.service")
    return parser["Service"]


def test_an_idle_connection_is_ended_by_the_load_balancer_and_never_by_the_service(
    settings: dict[str, Any],
) -> None:
    """Who ends it may do so while a request is on its way (the guide's troubleshooting page, HTTP 502)."""
    assert settings["keepalive"] > LOAD_BALANCER_IDLE_TIMEOUT_SECONDS


def test_requests_under_way_are_ended_by_the_service_itself_before_systemd_kills_it(
    settings: dict[str, Any], unit: configparser.SectionProxy
) -> None:
    assert settings["graceful_timeout"] < int(unit["TimeoutStopSec"])
    assert unit["KillMode"] == "mixed", "only the main process is asked to stop"
