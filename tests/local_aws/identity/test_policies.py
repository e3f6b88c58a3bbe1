"""What policies allow and deny."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.identity.policies import is_allowed

READ = "ssm:GetParameter"
MINE = "arn:aws:ssm:us-east-1:1:parameter/mine"
OTHER = "arn:aws:ssm:us-east-1:1:parameter/other"


def policy(**statement: Any) -> dict[str, Any]:
    """A policy of one statement."""
    return {"Statement": {"Effect": "Allow", "Action": READ, "Resource": MINE, **statement}}


def test_what_no_statement_allows_is_denied() -> None:
    assert is_allowed([policy()], READ, MINE)
    assert not is_allowed([policy()], READ, OTHER)
    assert not is_allowed([policy()], "ssm:GetParameters", MINE)
    assert not is_allowed([], READ, MINE)


@pytest.mark.parametrize("action", ["*", "ssm:*", "SSM:getparameter", "ssm:Get?arameter"])
def test_actions_have_wildcards_and_no_case(action: str) -> None:
    assert is_allowed([policy(Action=["iam:PassRole", action])], READ, MINE)


def test_resources_have_wildcards_and_case() -> None:
    assert is_allowed([policy(Resource="arn:aws:ssm:*:1:parameter/*")], READ, MINE)
    assert not is_allowed([policy(Resource=MINE.upper())], READ, MINE)
    assert not is_allowed([policy(Resource="arn.aws:ssm:us-east-1:1:parameter/min[e]")], READ, MINE)


def test_a_denial_of_all_other_resources_wins_over_what_is_allowed() -> None:
    everything = policy(Resource="*")
    others = {"Statement": [{"Effect": "Deny", "Action": [READ], "NotResource": [MINE]}]}

    assert is_allowed([everything, others], READ, MINE)
    assert not is_allowed([everything, others], READ, OTHER)


def test_all_other_actions_are_concerned_by_not_action() -> None:
    statement = {"Effect": "Allow", "NotAction": "ssm:Put*", "Resource": "*"}

    assert is_allowed([{"Statement": statement}], READ, MINE)
    assert not is_allowed([{"Statement": statement}], "ssm:PutParameter", MINE)


def test_conditions_allow_nothing_and_deny_whatever_they_say() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}

    assert not is_allowed([policy(Condition=condition)], READ, MINE)
    assert not is_allowed([policy(), policy(Effect="Deny", Condition=condition)], READ, MINE)
