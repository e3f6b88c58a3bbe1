"""Which VPC and subnets are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.network import find_network
from tests.infra import mocked


def find(vpc_id: str | None, subnet_ids: Sequence[str]) -> tuple[mocked.RecordingMocks, Any]:
    """Find it on mocks and return its ids."""

    def program() -> pulumi.Output[Any]:
        network = find_network(vpc_id, subnet_ids)
        return pulumi.Output.all(network.vpc_id, network.subnet_ids)

    return mocked.run(program)


def test_without_names_it_is_the_default_vpc_and_the_default_subnet_of_each_zone() -> None:
    mocks, found = find(None, [])

    # Sorted, so that the order in which AWS lists them changes nothing.
    assert found == [mocked.DEFAULT_VPC, ["subnet-a", "subnet-b"]]
    assert mocks.calls[0] == ("aws:ec2/getVpc:getVpc", {"default": True})
    assert mocks.calls[1][1]["filters"] == [
        {"name": "vpc-id", "values": [mocked.DEFAULT_VPC]},
        {"name": "default-for-az", "values": ["true"]},
    ]


def test_named_ones_are_used_as_they_are() -> None:
    mocks, found = find("vpc-1", ["subnet-2", "subnet-1"])

    assert found == ["vpc-1", ["subnet-2", "subnet-1"]]
    assert [token for token, _ in mocks.calls] == ["aws:ec2/getVpc:getVpc"]
