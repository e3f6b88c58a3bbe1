"""Which image gets any further, and what is told of one that does not."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.ami import AmiError, find_ami
from tests.infra import mocked


def find(ami_id: str) -> tuple[mocked.RecordingMocks, Any]:
    """Find it on mocks."""
    return mocked.run(lambda: find_ami(pulumi.Output.from_input(ami_id), ["self", "123456789012"]).id)


def test_only_what_is_owned_or_trusted_built_by_packer_and_available_is_found() -> None:
    mocks, found = find("ami-1")

    assert found == "ami-1"
    ((_, asked),) = mocks.calls
    assert asked["owners"] == ["self", "123456789012"]
    assert asked["filters"] == [
        {"name": "image-id", "values": ["ami-1"]},
        {"name": "tag:Built-By", "values": ["packer"]},
        {"name": "state", "values": ["available"]},
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            "Your query returned no results. Please change",
            "^ami-1 is not to be had · .* --image-ids ami-1, or",
        ),
        ("UnauthorizedOperation", "UnauthorizedOperation"),
    ],
)
def test_one_that_is_not_found_is_named_and_another_trouble_is_told_as_it_is(
    answer: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Exception(answer)

    monkeypatch.setattr("pulumi_aws.ec2.get_ami", fail)

    with pytest.raises(Exception, match=told) as failure:
        find("ami-1")

    assert isinstance(failure.value, AmiError) == told.startswith("^")
