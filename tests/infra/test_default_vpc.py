"""What is told of a region without a default VPC."""

from __future__ import annotations

import pytest

from infra.default_vpc import DefaultVpcError, find_default_vpc_id
from tests.infra import mocked


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("no matching EC2 VPC found", "^vpcId is empty .* pulumi config set vpcId .* .subnetIds"),
        ("UnauthorizedOperation", "UnauthorizedOperation"),
    ],
)
def test_a_region_without_one_is_told_with_what_to_name(
    answer: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise Exception(answer)

    monkeypatch.setattr("pulumi_aws.ec2.get_vpc", fail)

    with pytest.raises(Exception, match=told) as failure:
        mocked.run(find_default_vpc_id)

    assert isinstance(failure.value, DefaultVpcError) == told.startswith("^")
