"""When the AWS credentials end, and what is said of it before anything starts."""

from __future__ import annotations

import hashlib
import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest

from aws_credentials import (
    CredentialsError,
    Expiry,
    check_credentials,
    describe_early_end,
    describe_ended,
    find_expiry,
)

NOW = datetime(2026, 11, 23, 13, 53, tzinfo=UTC)
END = "2026-11-23T14:05:00Z"
KEYS = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"}
TEMPORARY = {**KEYS, "aws_session_token": "token"}
IN_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "ASIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}


def expiry(minutes: float = 12, **changes: str) -> Expiry:
    values = {"place": "in the environment", "remedy": "put newer ones into the environment", **changes}
    return Expiry(moment=NOW + timedelta(minutes=minutes), **values)


def found(
    environment: dict[str, str],
    profiles: dict[str, dict[str, Any]] | None = None,
    sign_ins: dict[str, dict[str, Any]] | None = None,
) -> tuple[str, str] | None:
    sessions = {"work": {"sso_start_url": "https://sign-in"}}
    result = find_expiry(environment, profiles or {}, sessions, lambda name: (sign_ins or {}).get(name, {}))
    return None if result is None else (f"{result.moment:%H:%M}", result.place)


def test_a_run_that_may_outlast_the_credentials_is_warned_of() -> None:
    assert describe_early_end(expiry(), NOW, 60, 120) == (
        "the AWS credentials in the environment end at 14:05 UTC, in 12 min · a build (up to 60 min) and a "
        "rollout (up to 120 min) may take until 16:53 UTC · put newer ones into the environment first"
    )


def test_a_pinned_image_needs_time_for_the_rollout_alone() -> None:
    warning = describe_early_end(expiry(119), NOW, 0, 120)

    assert warning is not None
    assert "in 119 min · a rollout (up to 120 min) may take until 15:53 UTC" in warning
    assert describe_early_end(expiry(120), NOW, 0, 120) is None


def test_an_end_on_another_day_is_said_with_its_date() -> None:
    warning = describe_early_end(expiry(700), NOW, 720, 0)

    assert warning is not None
    assert "end at 2026-11-24 01:33 UTC" in warning


def test_credentials_that_have_ended_are_named_with_the_remedy() -> None:
    ended = expiry(-12, place="of profile dev", remedy="run aws sso login --profile dev")

    assert describe_ended(ended, NOW) == (
        "the AWS credentials of profile dev ended at 13:41 UTC, 12 min ago · credentials that last were "
        "expected · run aws sso login --profile dev"
    )


def test_the_environment_says_when_its_credentials_end_and_goes_before_profiles() -> None:
    profiles = {"default": {**TEMPORARY, "x_security_token_expires": "2026-11-23T20:00:00Z"}}

    assert found({**IN_ENVIRONMENT, "AWS_CREDENTIAL_EXPIRATION": END}, profiles) == (
        "14:05",
        "in the environment",
    )
    assert found(IN_ENVIRONMENT, profiles) is None
    assert found({**IN_ENVIRONMENT, "AWS_CREDENTIAL_EXPIRATION": "soon"}, profiles) is None


@pytest.mark.parametrize("text", [END, "2026-11-23T15:05:00+01:00", "2026-11-23T14:05:00UTC", END[:-1]])
def test_a_moment_is_read_in_every_form_that_tools_write(text: str) -> None:
    assert found({**IN_ENVIRONMENT, "AWS_CREDENTIAL_EXPIRATION": text}) == ("14:05", "in the environment")


@pytest.mark.parametrize("key", ["x_security_token_expires", "aws_expiration", "expiration"])
def test_temporary_credentials_in_a_profile_end_when_their_tool_noted_it(key: str) -> None:
    profiles = {"dev": {**TEMPORARY, key: END}, "default": TEMPORARY}

    assert found({"AWS_PROFILE": "dev"}, profiles) == ("14:05", "of profile dev")
    assert found({}, profiles) is None


def test_a_sign_in_without_a_refresh_token_ends() -> None:
    profiles = {"old": {"sso_start_url": "https://sign-in"}, "new": {"sso_session": "work"}}
    sign_in = {"expiresAt": END}

    assert found({"AWS_PROFILE": "old"}, profiles, {"https://sign-in": sign_in}) == (
        "14:05",
        "of profile old",
    )
    assert found({"AWS_PROFILE": "new"}, profiles, {"work": sign_in}) == ("14:05", "of profile new")
    assert found({"AWS_PROFILE": "new"}, profiles, {"work": {**sign_in, "refreshToken": "x"}}) is None
    assert found({"AWS_PROFILE": "new"}, profiles) is None


@pytest.mark.parametrize(
    "profile",
    [
        {"role_arn": "arn", "credential_source": "Ec2InstanceMetadata"},
        {"role_arn": "arn", "web_identity_token_file": "/token"},
        {"role_arn": "arn", "source_profile": "keys"},
        {"role_arn": "arn", "source_profile": "default"},
        {"credential_process": "print-credentials"},
        KEYS,
        {},
    ],
)
def test_nothing_is_said_of_what_renews_itself_or_never_ends(profile: dict[str, str]) -> None:
    assert found({}, {"default": profile, "keys": KEYS}) is None


def test_a_role_is_renewed_with_the_credentials_of_its_source_only() -> None:
    profiles = {
        "default": {"role_arn": "arn", "source_profile": "middle"},
        "middle": {"role_arn": "arn", "source_profile": "temporary"},
        "temporary": {**TEMPORARY, "expiration": END},
    }

    assert found({}, profiles) == ("14:05", "of profile temporary")


def test_a_web_identity_of_the_environment_goes_before_the_keys_of_a_profile() -> None:
    profiles = {"default": {**TEMPORARY, "expiration": END}}

    assert found({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn"}, profiles) is None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without AWS credentials, on a machine from which no network is reached."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def refuse(*_: object) -> None:
        raise AssertionError("credentials were asked for over the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    (tmp_path / ".aws/sso/cache").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    return said


def sign_in_until(home: Path, moment: datetime) -> None:
    (home / ".aws/config").write_text(
        "[default]\nsso_session = work\n[sso-session work]\nsso_start_url = u\n"
    )
    name = hashlib.sha1(b"work", usedforsecurity=False).hexdigest()
    (home / f".aws/sso/cache/{name}.json").write_text(
        json.dumps({"expiresAt": f"{moment:%Y-%m-%dT%H:%M:%SZ}"})
    )


def test_without_known_credentials_nothing_is_said_and_nobody_is_asked(
    home: Path, warnings: list[str]
) -> None:
    assert home.is_dir()
    check_credentials(build_minutes=60, rollout_minutes=120)

    assert warnings == []


def test_a_sign_in_of_this_computer_is_found_judged_and_refused_when_it_has_ended(
    home: Path, warnings: list[str]
) -> None:
    sign_in_until(home, datetime.now(UTC) + timedelta(hours=5))
    check_credentials(build_minutes=60, rollout_minutes=120)
    assert warnings == []

    sign_in_until(home, datetime.now(UTC) + timedelta(minutes=30))
    check_credentials(build_minutes=60, rollout_minutes=120)
    assert [line.split(" · ")[-1] for line in warnings] == ["run aws sso login --profile default first"]

    sign_in_until(home, datetime.now(UTC) - timedelta(minutes=30))
    with pytest.raises(CredentialsError, match="of profile default ended at"):
        check_credentials(build_minutes=60, rollout_minutes=120)


def test_a_configuration_that_cannot_be_read_is_one_line(home: Path) -> None:
    (home / ".aws/config").write_text("[default\n")

    with pytest.raises(CredentialsError, match="the AWS configuration cannot be read: Unable to parse"):
        check_credentials(build_minutes=60, rollout_minutes=120)
