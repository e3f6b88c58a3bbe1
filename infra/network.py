"""The existing VPC and subnets that the fleet runs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC and the subnets in it, one or more in each zone that is used."""

    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[Sequence[str]]


def find_network(vpc_id: str | None, subnet_ids: Sequence[str]) -> Network:
    """The given VPC, or the region's default one; the given subnets, or those that are a zone's default.

    A VPC of one's own must name its subnets: which of them are public is not for this program to guess.
    """
    vpc = aws.ec2.get_vpc_output(id=vpc_id) if vpc_id else aws.ec2.get_vpc_output(default=True)
    if subnet_ids:
        return Network(vpc_id=vpc.id, subnet_ids=pulumi.Output.from_input(list(subnet_ids)))
    subnets = aws.ec2.get_subnets_output(
        filters=vpc.id.apply(
            lambda vpc_id: [
                aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc_id]),
                aws.ec2.GetSubnetsFilterArgs(name="default-for-az", values=["true"]),
            ]
        )
    )
    return Network(vpc_id=vpc.id, subnet_ids=subnets.ids.apply(sorted))
