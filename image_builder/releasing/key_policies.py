"""Whether the policy of a KMS key, and its grants, let another account use what is encrypted with it. Pure.

As much of IAM's logic as key policies are usually written with (IAM user guide, "Policy evaluation logic"):
an explicit denial wins, and what is allowed nowhere is denied. Of all else it is said that it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

NEEDED = tuple(
    f"kms:{name}"
    for name in (
        "CreateGrant",
        "Decrypt",
        "DescribeKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    )
)
"""What an account needs to launch a shared, encrypted AMI (EBS user guide, "Share the KMS key used to encrypt
a shared Amazon EBS snapshot")."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What an account may do with a key, of NEEDED."""

    refused: Sequence[str]
    untold: Sequence[str]
    """What depends on conditions that are not known here."""


def access_of(account: str, policy: Any, grants: Iterable[Any], region: str) -> Access:
    """What *account* may do, by EC2 in *region*, as *policy* and *grants* tell."""
    statements = _listed(policy.get("Statement", []))
    refused, untold = [], []
    for action in NEEDED:
        allowed = [_holds(one, action, account, region) for one in statements if one.get("Effect") == "Allow"]
        allowed += [_grants(one, action, account) for one in grants]
        denied = [_holds(one, action, account, region) for one in statements if one.get("Effect") == "Deny"]
        if True in denied or not (True in allowed or None in allowed):
            refused.append(action)
        elif None in denied or True not in allowed:
            untold.append(action)
    return Access(refused=refused, untold=untold)


def _holds(statement: Any, action: str, account: str, region: str) -> bool | None:
    """Whether *statement* is about *action* of *account*; None where that cannot be told."""
    context = {
        "kms:calleraccount": account,
        "aws:principalaccount": account,
        "kms:viaservice": f"ec2.{region}.amazonaws.com",
        **({"kms:grantisforawsresource": "true"} if action == "kms:CreateGrant" else {}),
    }
    return _all(
        [
            _is_for(statement, account),
            _is_about(statement, action),
            *(
                _is_met(operator, key, _listed(values), context)
                for operator, by_key in statement.get("Condition", {}).items()
                for key, values in by_key.items()
            ),
        ]
    )


def _is_for(statement: Any, account: str) -> bool | None:
    if "NotPrincipal" in statement:
        return None
    principal = statement.get("Principal", {})
    named = _listed(principal.get("AWS", []) if isinstance(principal, dict) else principal)
    if any(one in ("*", account, f"arn:aws:iam::{account}:root") for one in named):
        return True
    if any(_account_in(one) == account for one in named):
        # One role there: enough to use the key, and too little to keep the account from it.
        return True if statement.get("Effect") == "Allow" else None
    return False


def _is_about(statement: Any, action: str) -> bool:
    if "NotAction" in statement:
        return not any(_is_like(action.lower(), one.lower()) for one in _listed(statement["NotAction"]))
    return any(_is_like(action.lower(), one.lower()) for one in _listed(statement.get("Action", [])))


def _is_met(operator: str, key: str, values: Sequence[str], context: Mapping[str, str]) -> bool | None:
    """Whether one condition is met; None for an operator or a key that is not known here."""
    name = operator.removesuffix("IfExists")
    is_negated = name in ("StringNotEquals", "StringNotLike")
    if name not in ("StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "Bool"):
        return None
    value = context.get(key.lower())
    if value is None:
        is_known = key.lower() == "kms:grantisforawsresource"
        return (is_negated or name != operator) if is_known else None
    if name.endswith("Like"):
        found = any(_is_like(value, str(one)) for one in values)
    else:
        found = value in ([str(one).lower() for one in values] if name == "Bool" else values)
    return found != is_negated


def _grants(grant: Any, action: str, account: str) -> bool | None:
    principal = grant.get("GranteePrincipal", "")
    if account not in (principal, _account_in(principal)) or action[len("kms:") :] not in grant["Operations"]:
        return False
    return None if grant.get("Constraints") else True


def _all(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    return False if False in found else None if None in found else True


def _account_in(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def _is_like(text: str, pattern: str) -> bool:
    # In IAM * and ? alone are special, in fnmatch brackets are too.
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
