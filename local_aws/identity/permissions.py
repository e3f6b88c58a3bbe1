"""Whether a call may be made: with a machine's credentials its role must be permitted, with others it may."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.utils import parameter_arn
from moto.sts.models import AssumedRole

from local_aws.faults.call import CREDENTIAL_SCOPE, Call
from local_aws.faults.errors import Refusal
from local_aws.home import ACCOUNT_ID, world_lock
from local_aws.identity.credentials import PARTITION, find_session
from local_aws.identity.policies import is_allowed

ACCESS_KEY = re.compile(r"Credential=([^/,\s]+)/")
ALWAYS_ALLOWED = "sts:GetCallerIdentity"
"""Whatever a policy says: STS API reference, GetCallerIdentity."""


def refuse(call: Call, environ: Mapping[str, Any], body: bytes) -> Refusal | None:
    """Why the call is not served, in AWS's words; None when it is."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    key, scope = ACCESS_KEY.search(authorization), CREDENTIAL_SCOPE.search(authorization)
    with world_lock:
        session = find_session(ACCOUNT_ID, key.group(1)) if key else None
        if session is None or scope is None:
            return None
        if environ.get("HTTP_X_AMZ_SECURITY_TOKEN") != session.session_token:
            return Refusal(
                status=403,
                code="UnrecognizedClientException" if call.is_json else "InvalidClientTokenId",
                message="The security token included in the request is invalid.",
            )
        resource = resource_of(call, scope.group(1), body)
        is_permitted = call.name == ALWAYS_ALLOWED or is_allowed(policies_of(session), call.name, resource)
    if is_permitted:
        return None
    return Refusal(
        status=400 if call.is_json else 403,
        code="AccessDeniedException" if call.is_json else "AccessDenied",
        message=f"User: {session.arn} is not authorized to perform: {call.name} on resource: {resource}",
    )


def policies_of(session: AssumedRole) -> Iterable[Mapping[str, Any]]:
    """The documents of the role's own policies and of those attached to it, as they are now."""
    iam = iam_backends[ACCOUNT_ID][PARTITION]
    role = iam.get_role_by_arn(session.role_arn)
    texts = list(role.policies.values())
    for policy in role.managed_policies.values():
        texts += [version.document for version in policy.versions if version.is_default]
    return [json.loads(text) for text in texts]


def resource_of(call: Call, region: str, body: bytes) -> str:
    """The ARN of the secret or parameter that *call* asks for; `*` for what is not told apart here."""
    if call.name == "secretsmanager:GetSecretValue":
        asked = str(json.loads(body).get("SecretId"))
        stored = secretsmanager_backends[ACCOUNT_ID][region].secrets.get(asked)
        if stored is not None:
            return str(stored.arn)
        return asked if asked.startswith("arn:") else f"{_arn('secretsmanager', region)}:secret:{asked}"
    if call.name == "ssm:GetParameter":
        # A version or a label may follow, as in /name:3.
        name = str(json.loads(body).get("Name")).partition(":")[0]
        return parameter_arn(ACCOUNT_ID, region, name)
    return "*"


def _arn(service: str, region: str) -> str:
    return f"arn:{PARTITION}:{service}:{region}:{ACCOUNT_ID}"
