"""The credentials of an instance's role, as EC2 gives them: a session of STS that has the instance's id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sts.models import AssumedRole, sts_backends

PARTITION = "aws"
SESSION_SECONDS = 6 * 3600


def give_credentials(*, account_id: str, region: str, role_arn: str, instance_id: str) -> str:
    """New credentials of the role for the instance, as the shared credentials file that SDKs read."""
    session = sts_backends[account_id][PARTITION].assume_role(
        region_name=region,
        role_session_name=instance_id,
        role_arn=role_arn,
        policy="",
        duration=SESSION_SECONDS,
        external_id="",
    )
    return (
        f"[default]\naws_access_key_id = {session.access_key_id}\n"
        f"aws_secret_access_key = {session.secret_access_key}\naws_session_token = {session.session_token}\n"
    )


def find_session(account_id: str, access_key_id: str) -> AssumedRole | None:
    """The session of a role that has this access key; None for any other key."""
    backends: Mapping[str, Any] = sts_backends[account_id]
    found: AssumedRole | None = backends[PARTITION].get_assumed_role_from_access_key(access_key_id)
    return found
