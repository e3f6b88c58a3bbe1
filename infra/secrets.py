"""Secrets that machines read at boot: who may read them, and what machines are told, which is no value.

The program knows names and version ids. A machine reads the values itself, with its role: what it reads is
the version that is current then, so that it also starts long after a rotation. The version ids in its user
data are there to change: another one makes another launch template version, which is rolled out.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BOOT_FILE = "/etc/secrets-at-boot.json"
"""Where a machine finds what it is to read; the image's unit knows it by this path."""

READ_PARAMETERS = (
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:GetParameterHistory",
)


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One secret as AWS describes it, without its value."""

    name: str
    arn: str
    version: str
    has_own_key: bool
    """Whether a key of the account's own encrypts it, whose use the role must be allowed."""

    @property
    def is_parameter(self) -> bool:
        """Whether it is in Parameter Store; a name in Secrets Manager that begins so is given as its ARN."""
        return self.name.startswith("/")


def versions_of(secrets: Sequence[Secret]) -> dict[str, str]:
    """The version id of each secret, by its name."""
    return {secret.name: secret.version for secret in secrets}


def mark_of(secrets: Sequence[Secret]) -> str:
    """Eight characters that are other ones for other names, and the same for other versions of them."""
    return hashlib.sha256("\n".join(sorted(secret.name for secret in secrets)).encode()).hexdigest()[:8]


def user_data(secrets: Sequence[Secret], region: str) -> str:
    """User data, in base64, with which cloud-init writes the names for the image's unit.

    Everybody on a machine can read it, so there is nothing in it but names, version ids and the region.
    """
    content = {"region": region, "secrets": versions_of(secrets)}
    file = {"path": BOOT_FILE, "permissions": "0644", "content": json.dumps(content)}
    # JSON is YAML, so that no name can break out of its quotes.
    text = "#cloud-config\n" + json.dumps({"write_files": [file]}) + "\n"
    return base64.b64encode(text.encode()).decode()


def reading_policy(secrets: Sequence[Secret], region: str) -> str:
    """A policy by which a role may read exactly these *secrets*, whatever else it is allowed.

    The ARNs are whole: Secrets Manager adds six random characters to a name, and a pattern such as
    NAME-?????? would let a secret of that name be read that somebody else makes later (Secrets Manager
    user guide, "Identity-based policies").
    """
    stored = [secret for secret in secrets if not secret.is_parameter]
    parameters = [secret for secret in secrets if secret.is_parameter]
    statements: list[Mapping[str, Any]] = []
    if stored:
        statements.append(_allow("secretsmanager:GetSecretValue", [secret.arn for secret in stored]))
    if parameters:
        statements.append(_allow("ssm:GetParameter", [secret.arn for secret in parameters]))
    # AmazonSSMManagedInstanceCore lets a machine read every parameter, and whoever may read a SecureString
    # under the default key may decrypt it (AWS managed policy reference; KMS, "aws/ssm"). AWS's own public
    # parameters, which are in no account, stay readable.
    partition = secrets[0].arn.split(":")[1]
    allowed = [*(secret.arn for secret in parameters), f"arn:{partition}:ssm:{region}::parameter/aws/*"]
    statements.append({"Effect": "Deny", "Action": list(READ_PARAMETERS), "NotResource": allowed})
    # The encryption contexts: Secrets Manager user guide, "Secret encryption and decryption"; Systems Manager
    # user guide, "AWS KMS encryption for Parameter Store SecureString parameters".
    for service, context, group in (
        ("secretsmanager", "SecretARN", stored),
        ("ssm", "PARAMETER_ARN", parameters),
    ):
        if arns := [secret.arn for secret in group if secret.has_own_key]:
            condition = {
                "kms:ViaService": f"{service}.{region}.amazonaws.com",
                f"kms:EncryptionContext:{context}": arns,
            }
            statements.append({**_allow("kms:Decrypt", ["*"]), "Condition": {"StringEquals": condition}})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _allow(action: str, resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": list(resources)}
