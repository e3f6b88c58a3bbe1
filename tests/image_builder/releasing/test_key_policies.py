"""What a key's policy and grants let another account do."""

from __future__ import annotations

from typing import Any

import pytest

from image_builder.releasing.key_policies import NEEDED, access_of

ACCOUNT, REGION = "111122223333", "eu-west-1"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
ALL = [name.removeprefix("kms:") for name in NEEDED]


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "kms:*", "Principal": ROOT, "Resource": "*", **more}


def answer(*statements: dict[str, Any], grants: tuple[dict[str, Any], ...] = ()) -> str:
    """`allowed`, or which of refused and untold, where it is the same for all actions."""
    access = access_of(ACCOUNT, {"Statement": list(statements)}, grants, REGION)
    if not access.refused and not access.untold:
        return "allowed"
    assert list(NEEDED) in (list(access.refused), list(access.untold))
    return "refused" if access.refused else "untold"


@pytest.mark.parametrize(
    "principal",
    [ROOT, {"AWS": [ACCOUNT]}, "*", {"AWS": "*"}, {"AWS": ["x", f"arn:aws:iam::{ACCOUNT}:role/deploy"]}],
)
def test_an_account_is_let_in_by_any_of_its_names(principal: Any) -> None:
    assert answer(statement(Principal=principal)) == "allowed"


@pytest.mark.parametrize(
    "principal",
    [{"AWS": "arn:aws:iam::999999999999:root"}, {"Service": "ec2.amazonaws.com"}, {"AWS": []}, {}],
)
def test_nobody_else_is(principal: Any) -> None:
    assert answer(statement(Principal=principal)) == "refused"
    assert answer() == "refused"


def test_every_action_that_is_needed_is_looked_for() -> None:
    some = ["kms:Describe*", "KMS:decrypt", "kms:ReEncrypt*"]

    access = access_of(ACCOUNT, {"Statement": statement(Action=some)}, [], REGION)

    assert access.refused == ["kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"]
    assert answer(statement(Action=some), statement(Action=["kms:?reateGrant", "kms:Gen*"])) == "allowed"
    assert answer(statement(Action=None, NotAction="kms:Schedule*")) == "allowed"


def test_a_denial_wins() -> None:
    assert answer(statement(), statement("Deny", Principal="*")) == "refused"
    assert answer(statement(), statement("Deny", Principal={"AWS": "999999999999"})) == "allowed"
    assert answer(statement(), statement("Deny", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/x"})) == (
        "untold"
    )
    assert answer(statement(), statement("Deny", NotPrincipal=ROOT)) == "untold"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"kms:CallerAccount": ACCOUNT}}, "allowed"),
        ({"StringEquals": {"kms:CallerAccount": ["999999999999"]}}, "refused"),
        ({"StringNotEquals": {"aws:PrincipalAccount": "999999999999"}}, "allowed"),
        ({"StringLike": {"kms:ViaService": ["ec2.*.amazonaws.com"]}}, "allowed"),
        ({"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}, "refused"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, "untold"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}}, "untold"),
        (
            {"StringEquals": {"aws:PrincipalOrgID": "o-1", "kms:CallerAccount": "999999999999"}},
            "refused",
        ),
        ({"BoolIfExists": {"kms:GrantIsForAWSResource": True}}, "allowed"),
    ],
)
def test_conditions_are_met_are_not_or_cannot_be_told(condition: Any, expected: str) -> None:
    assert answer(statement(Principal="*", Condition=condition)) == expected


def test_grants_for_a_service_are_made_under_the_condition_that_they_are() -> None:
    for_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}

    access = access_of(ACCOUNT, {"Statement": [statement(Condition=for_services)]}, [], REGION)

    assert "kms:CreateGrant" not in access.refused
    assert "kms:Decrypt" in access.refused


def test_a_grant_lets_in_as_a_policy_does() -> None:
    grant = {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:role/deploy", "Operations": ALL}

    assert answer(grants=(grant,)) == "allowed"
    assert answer(grants=({**grant, "GranteePrincipal": "arn:aws:iam::999999999999:root"},)) == "refused"
    constrained = {**grant, "Constraints": {"EncryptionContextSubset": {"a": "b"}}}
    assert answer(grants=(constrained,)) == "untold"
