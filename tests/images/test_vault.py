"""The example of Vault as the source of secrets hands the service the same file as the image's own unit."""

from __future__ import annotations

import configparser
from typing import Any

import hcl2

from tests.images.conftest import WEB_APP

VAULT = WEB_APP.parents[1] / "docs" / "vault"
FILE = "/run/web-app-secrets/secrets.json"


def read_unit(path: Any) -> configparser.RawConfigParser:
    """A unit file."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


def plain(value: Any) -> Any:
    """What python-hcl2 read, without the quotes that it leaves on."""
    return value.strip('"') if isinstance(value, str) else value


def test_the_agents_configuration_is_hcl_that_renders_the_services_file_or_fails() -> None:
    with (VAULT / "vault-agent.hcl").open() as file:
        agent = hcl2.load(file)

    (template,) = agent["template"]
    assert plain(template["destination"]) == FILE
    assert plain(template["perms"]) == "0600"
    assert template["error_on_missing_key"] is True
    assert agent["exit_after_auth"] is True
    assert agent["template_config"][0]["exit_on_retry_failure"] is True


def test_the_agents_unit_stands_for_the_images_own() -> None:
    own = read_unit(WEB_APP / "app" / "web-app-secrets.service")
    vault = read_unit(VAULT / "web-app-secrets.service")

    same = ("Type", "RemainAfterExit", "RuntimeDirectory", "RuntimeDirectoryMode", "UMask", "LimitCORE")
    assert {name: vault["Service"][name] for name in same} == {name: own["Service"][name] for name in same}
    assert vault["Unit"]["After"] == own["Unit"]["After"]


def test_the_service_needs_its_secrets_and_is_handed_them() -> None:
    service = read_unit(WEB_APP / "app" / "web-app.service")

    assert service["Unit"]["Requires"] == "web-app-secrets.service"
    assert "web-app-secrets.service" in service["Unit"]["After"]
    assert service["Service"]["LoadCredential"] == f"secrets.json:{FILE}"
