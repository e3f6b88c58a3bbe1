"""What a stack may not tell Pulumi's aws provider alone: boto3 and Packer would work with something else."""

from __future__ import annotations

from collections.abc import Iterable

_KEYS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
_ROLE = "AWS_PROFILE with a profile that has role_arn"
INSTEAD = {
    "profile": "AWS_PROFILE",
    "accessKey": _KEYS,
    "secretKey": _KEYS,
    "token": _KEYS,
    "assumeRole": _ROLE,
    "assumeRoles": _ROLE,
    "assumeRoleWithWebIdentity": "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    "sharedConfigFiles": "AWS_CONFIG_FILE",
    "sharedCredentialsFiles": "AWS_SHARED_CREDENTIALS_FILE",
    "endpoints": "AWS_ENDPOINT_URL",
}
"""By what in the environment all that runs is told the same (AWS SDKs and Tools reference guide)."""


def refuse_what_others_do_not_read(keys: Iterable[str], stack: str) -> list[str]:
    """A line for each key of the provider's config (`aws:` left out) that it alone would follow."""
    return [
        f"aws:{key} is set, which boto3 and Packer do not read · {INSTEAD[key]} in the environment was "
        f"expected · pulumi config rm aws:{key} --stack {stack}"
        for key in sorted(keys)
        if key in INSTEAD
    ]
