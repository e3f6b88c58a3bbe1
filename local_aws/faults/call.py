"""Which call of which service a request is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

# The region and the service in the signature of each request: Signature Version 4, "credential scope".
CREDENTIAL_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
READS = ("Describe", "Get", "List")
LONGEST_USER_AGENT = 500


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, without its parameters: they may be secret."""

    service: str
    action: str
    user_agent: str
    is_json: bool
    """Its service speaks JSON, not XML."""
    key: str
    """Equal for calls that ask for the same in the same words; tells nothing of the words."""

    @property
    def name(self) -> str:
        """`ec2:RunInstances`"""
        return f"{self.service}:{self.action}"

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.action.startswith(READS)


def service_of(authorization: str) -> str | None:
    """The AWS service that a signed request is for."""
    match = CREDENTIAL_SCOPE.search(authorization)
    return match.group(2) if match else None


def read_call(environ: Mapping[str, Any], body: bytes) -> Call:
    """The call that a request with *body* makes."""
    scope = CREDENTIAL_SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    region, service = scope.groups() if scope else ("", "unsigned")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    action = target.rpartition(".")[2] if target else _action_of_form(environ, body)
    words = "\n".join((region, service, action, environ.get("QUERY_STRING", ""))).encode() + b"\n" + body
    return Call(
        service=service,
        action=action or "Unknown",
        user_agent=environ.get("HTTP_USER_AGENT", "")[:LONGEST_USER_AGENT],
        is_json=bool(target),
        key=hashlib.sha256(words).hexdigest(),
    )


def _action_of_form(environ: Mapping[str, Any], body: bytes) -> str:
    for text in (body.decode(errors="replace"), environ.get("QUERY_STRING", "")):
        actions = parse_qs(text).get("Action")
        if actions and actions[0].isalnum():
            return str(actions[0])
    return ""
