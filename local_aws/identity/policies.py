"""What a role's policies say of one action on one resource: IAM user guide, "Policy evaluation logic".

moto decides the same, but knows neither NotResource nor a Deny that has it. Conditions are not evaluated:
what is allowed under conditions is not allowed, what is denied under conditions is denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Statement = Mapping[str, Any]


def is_allowed(policies: Iterable[Mapping[str, Any]], action: str, resource: str) -> bool:
    """Whether one statement allows *action* on *resource* and none denies it."""
    concerned = [
        statement
        for policy in policies
        for statement in as_list(policy["Statement"])
        if concerns(statement, action, resource)
    ]
    is_denied = any(statement["Effect"] == "Deny" for statement in concerned)
    return not is_denied and any(
        statement["Effect"] == "Allow" and "Condition" not in statement for statement in concerned
    )


def concerns(statement: Statement, action: str, resource: str) -> bool:
    """Whether *statement* is about *action* on *resource*."""
    # "IAM JSON policy elements: Action": not case-sensitive; resources are.
    return _matches(statement, "Action", action.lower(), str.lower) and _matches(
        statement, "Resource", resource, str
    )


def _matches(statement: Statement, element: str, value: str, fold: Any) -> bool:
    if element in statement:
        return any(is_like(fold(pattern), value) for pattern in as_list(statement[element]))
    return not any(is_like(fold(pattern), value) for pattern in as_list(statement[f"Not{element}"]))


def is_like(pattern: str, value: str) -> bool:
    """Whether *value* is what *pattern* says, where * is any characters and ? any one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    """One element or several: policies may leave the brackets out."""
    return value if isinstance(value, list) else [value]
