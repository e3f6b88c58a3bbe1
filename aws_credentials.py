"""Whether the AWS credentials last as long as the run may take, where it is known when they end.

Temporary credentials in the environment or in a profile, and a sign-in to AWS IAM Identity Center without a
refresh token, end at a moment that is written down. Roles, instance profiles, web identities and credential
processes renew themselves: of those nothing is said, and none is asked for anything here. Variables and files
are looked at in botocore's own order (botocore/credentials.py, create_credential_resolver).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pulumi
from botocore.exceptions import BotoCoreError

Profiles = Mapping[str, Mapping[str, Any]]

# Written by saml2aws and aws-azure-login, which put temporary credentials into profiles.
_PROFILE_KEYS = ("x_security_token_expires", "aws_expiration", "expiration")
_SIGN_INS = Path("~/.aws/sso/cache")


class CredentialsError(pulumi.RunError):
    """The credentials are of no use; Pulumi shows a RunError's message without a traceback."""


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """When credentials end that nothing renews, and what a person does about it."""

    moment: datetime
    place: str
    remedy: str


def check_credentials(*, build_minutes: float, rollout_minutes: float) -> None:
    """Warn of credentials that may end before build and rollout; refuse those that have ended."""
    try:
        config = botocore.session.Session().full_config
    except BotoCoreError as error:
        raise CredentialsError(f"the AWS configuration cannot be read: {error}") from None
    expiry = find_expiry(
        os.environ, config.get("profiles", {}), config.get("sso_sessions", {}), _read_sign_in
    )
    if expiry is None:
        return
    now = datetime.now(UTC)
    if expiry.moment <= now:
        raise CredentialsError(describe_ended(expiry, now))
    if warning := describe_early_end(expiry, now, build_minutes, rollout_minutes):
        pulumi.log.warn(warning)


def find_expiry(
    environment: Mapping[str, str],
    profiles: Profiles,
    sign_in_sessions: Profiles,
    read_sign_in: Callable[[str], Mapping[str, Any]],
) -> Expiry | None:
    """When the credentials end that a run in *environment* uses; None if that is not known, or never."""
    if environment.get("AWS_ACCESS_KEY_ID"):
        moment = _moment(environment.get("AWS_CREDENTIAL_EXPIRATION"))
        if moment is None:
            return None
        return Expiry(moment=moment, place="in the environment", remedy="put newer ones into the environment")
    name = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    seen: set[str] = set()
    # The credentials of a role are renewed with those of its source.
    while "role_arn" in (profile := profiles.get(name, {})) and name not in seen:
        seen.add(name)
        if "source_profile" not in profile:
            return None
        name = profile["source_profile"]
    if not seen and environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return None
    if "sso_start_url" in profile or "sso_session" in profile:
        return _expiry_of_sign_in(name, profile, sign_in_sessions, read_sign_in)
    found = (moment for key in _PROFILE_KEYS if (moment := _moment(profile.get(key))))
    if "aws_session_token" not in profile or (end := next(found, None)) is None:
        return None
    return Expiry(moment=end, place=f"of profile {name}", remedy="renew them with the tool that wrote them")


def describe_early_end(
    expiry: Expiry, now: datetime, build_minutes: float, rollout_minutes: float
) -> str | None:
    """The warning when a run that begins *now* may last longer than the credentials."""
    end = now + timedelta(minutes=build_minutes + rollout_minutes)
    if expiry.moment >= end:
        return None
    build = f"a build (up to {build_minutes:g} min) and " if build_minutes else ""
    return (
        f"the AWS credentials {expiry.place} end at {_clock(expiry.moment, now)}, "
        f"in {_minutes(expiry.moment - now)} min · {build}a rollout (up to {rollout_minutes:g} min) "
        f"may take until {_clock(end, now)} · {expiry.remedy} first"
    )


def describe_ended(expiry: Expiry, now: datetime) -> str:
    """The error when they are of no use any more."""
    return (
        f"the AWS credentials {expiry.place} ended at {_clock(expiry.moment, now)}, "
        f"{_minutes(now - expiry.moment)} min ago · credentials that last were expected · {expiry.remedy}"
    )


def _expiry_of_sign_in(
    name: str,
    profile: Mapping[str, Any],
    sessions: Profiles,
    read_sign_in: Callable[[str], Mapping[str, Any]],
) -> Expiry | None:
    session = profile.get("sso_session")
    start_url = sessions.get(session, {}).get("sso_start_url") if session else profile.get("sso_start_url")
    sign_in = read_sign_in(session or start_url or "")
    moment = _moment(sign_in.get("expiresAt"))
    # With a refresh token botocore renews the sign-in by itself (botocore/tokens.py, SSOTokenProvider).
    if moment is None or sign_in.get("refreshToken"):
        return None
    return Expiry(moment=moment, place=f"of profile {name}", remedy=f"run aws sso login --profile {name}")


def _read_sign_in(name: str) -> Mapping[str, Any]:
    """What `aws sso login` noted (botocore/utils.py, SSOTokenLoader); empty without a sign-in."""
    key = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    try:
        sign_in = json.loads((_SIGN_INS.expanduser() / f"{key}.json").read_text())
    except (OSError, ValueError):
        return {}
    return sign_in if isinstance(sign_in, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        # Old sign-ins are noted as 2026-11-23T14:05:00UTC.
        moment = datetime.fromisoformat(str(text).replace("UTC", "Z"))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _clock(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds() // 60)
