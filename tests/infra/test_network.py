"""Which VPC and subnets are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pytest

from infra.network import NetworkError, find_network
from tests.infra import mocked


def find(
    vpc_id: str | None, subnet_ids: Sequence[str], mocks: mocked.RecordingMocks | None = None
) -> tuple[mocked.RecordingMocks, Any]:
    """Find it on mocks for machines of type t3.small, and return its ids."""

    def program() -> pulumi.Output[Any]:
        network = find_network(vpc_id, subnet_ids, "t3.small")
        return pulumi.Output.all(network.vpc_id, network.subnet_ids)

    return mocked.run(program, mocks=mocks)


def test_without_names_it_is_the_default_vpc_and_the_default_subnet_of_each_zone_with_the_type() -> None:
    mocks, found = find(None, [])

    # Sorted, so that the order in which AWS lists them changes nothing.
    assert found == [mocked.DEFAULT_VPC, ["subnet-a", "subnet-b"]]
    asked = dict(mocks.calls)
    assert asked["aws:ec2/getVpc:getVpc"] == {"default": True}
    assert asked["aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"] == {
        "locationType": "availability-zone",
        "filters": [{"name": "instance-type", "values": ["t3.small"]}],
    }
    assert asked["aws:ec2/getSubnets:getSubnets"]["filters"] == [
        {"name": "vpc-id", "values": [mocked.DEFAULT_VPC]},
        {"name": "default-for-az", "values": ["true"]},
        {"name": "availability-zone", "values": ["us-east-1a", "us-east-1b"]},
    ]


@pytest.mark.parametrize(
    ("mocks", "words"),
    [
        (mocked.RecordingMocks(zones=[]), "t3.small, which 0 zones of the region have"),
        (mocked.RecordingMocks(zones=["us-east-1a"]), "t3.small, which 1 zones of the region have"),
        (
            mocked.RecordingMocks(subnet_ids=["subnet-a"]),
            "t3.small, which 1 zones with a default subnet have",
        ),
    ],
)
def test_one_zone_is_too_few_which_one_line_says(mocks: mocked.RecordingMocks, words: str) -> None:
    with pytest.raises(NetworkError) as refused:
        find(None, [], mocks)

    assert words in str(refused.value)
    assert "pulumi config set instanceType" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_named_ones_are_used_as_they_are() -> None:
    mocks, found = find("vpc-1", ["subnet-2", "subnet-1"])

    assert found == ["vpc-1", ["subnet-2", "subnet-1"]]
    assert [token for token, _ in mocks.calls] == ["aws:ec2/getVpc:getVpc"]
