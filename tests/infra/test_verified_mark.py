"""The mark of a success, on scripted calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import verified_mark
from infra.rollout.errors import RolloutError
from infra.verified_mark import VerifiedMarkProvider

AMI = "ami-0123456789abcdef0"
PROPS: dict[str, Any] = {
    "region": "us-east-1",
    "auto_scaling_group_name": "web",
    "ami_id": AMI,
    "stack": "dev",
    "launch_template_version": "3",
    "refresh_id": "r-1",
    "instances": 2.0,
}
PROVIDER = VerifiedMarkProvider()


class Marks:
    """Stands for the calls of a region."""

    def __init__(self) -> None:
        self.put: list[tuple[str, ...]] = []
        self.refusal: ClientError | None = None

    def mark_verified(self, ami_id: str, stack: str, moment: str) -> None:
        if self.refusal:
            raise self.refusal
        self.put.append((ami_id, stack, moment))


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> Marks:
    """What was marked."""
    marks = Marks()
    monkeypatch.setattr(verified_mark, "Refreshes", lambda _region: marks)
    return marks


def test_an_image_is_marked_at_first_and_after_each_rollout(marks: Marks) -> None:
    created = PROVIDER.create(PROPS)
    updated = PROVIDER.update(created.id, PROPS, {**PROPS, "refresh_id": "r-2"})

    assert (created.id, created.outs) == ("VerifiedIn:dev", PROPS)
    assert updated.outs == {**PROPS, "refresh_id": "r-2"}
    assert [put[:2] for put in marks.put] == [(AMI, "dev"), (AMI, "dev")]
    assert datetime.fromisoformat(marks.put[0][2]).tzinfo is UTC


def test_an_image_that_no_instance_runs_is_not_marked_until_one_does(
    marks: Marks, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = {**PROPS, "instances": 0.0}

    PROVIDER.create(idle)

    assert marks.put == []
    assert capsys.readouterr().out == f"no instance of web runs {AMI}: it is not tagged VerifiedIn:dev\n"
    assert PROVIDER.diff("VerifiedIn:dev", idle, PROPS).changes


@pytest.mark.parametrize("key", ["ami_id", "stack", "launch_template_version", "refresh_id"])
def test_another_image_rollout_or_stack_is_marked_anew(key: str) -> None:
    assert PROVIDER.diff("VerifiedIn:dev", PROPS, {**PROPS, key: "other"}).changes
    assert not PROVIDER.diff("VerifiedIn:dev", PROPS, dict(PROPS)).changes


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("UnauthorizedOperation", "ec2:CreateTags was expected to be allowed · allow it and"),
        (
            "TagLimitExceeded",
            "room for one among the 50 that AWS allows was expected · remove one of a stack that is gone: "
            f"aws ec2 delete-tags --resources {AMI} --tags Key=VerifiedIn:STACK; then",
        ),
        ("InvalidAMIID.NotFound", "AWS was expected to take it · mend that and"),
    ],
)
def test_a_mark_that_aws_refuses_is_one_line_that_says_what_to_do(
    marks: Marks, code: str, remedy: str
) -> None:
    marks.refusal = ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateTags")

    with pytest.raises(RolloutError) as failure:
        PROVIDER.create(PROPS)

    assert str(failure.value) == (
        f"web is on {AMI}, which could not be tagged VerifiedIn:dev: {code}: no · {remedy} run pulumi up "
        "again, which replaces nothing and tags it"
    )


def test_a_stack_whose_name_fits_into_no_tag_is_refused() -> None:
    (failure,) = PROVIDER.check({}, {**PROPS, "stack": "x" * 118}).failures

    assert (failure.property, "up to 117 characters" in failure.reason) == ("stack", True)
    assert PROVIDER.check({}, {**PROPS, "stack": "x" * 117}).failures == []
