"""The existing VPC and subnets that the fleet runs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.default_vpc import find_default_vpc_id

FEWEST_ZONES = 2
"""CreateLoadBalancer, Subnets, ELBv2 API reference: an Application Load Balancer takes no fewer."""


class NetworkError(pulumi.RunError):
    """There is nowhere to run the fleet; Pulumi shows a RunError's message without a traceback."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC and the subnets in it, one or more in each zone that is used."""

    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[Sequence[str]]


def find_network(vpc_id: str | None, subnet_ids: Sequence[str], instance_type: str) -> Network:
    """The given VPC, or the region's default one; the given subnets, or those that are a zone's default.

    A VPC of one's own must name its subnets: which of them are public is not for this program to guess.
    A zone without the instance type is left out, and us-east-1 has one for most types: a group that spans
    it is refused, or fails to launch there. Raises NetworkError when too few are left.
    """
    found_vpc_id = aws.ec2.get_vpc_output(id=vpc_id).id if vpc_id else find_default_vpc_id()
    if subnet_ids:
        return Network(vpc_id=found_vpc_id, subnet_ids=pulumi.Output.from_input(list(subnet_ids)))
    offerings = aws.ec2.get_instance_type_offerings_output(
        location_type="availability-zone",
        filters=[aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[instance_type])],
    )
    zones = offerings.locations.apply(lambda zones: _enough(zones, instance_type, "zones of the region"))
    subnets = aws.ec2.get_subnets_output(
        filters=pulumi.Output.all(found_vpc_id, zones).apply(
            lambda known: [
                aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[known[0]]),
                aws.ec2.GetSubnetsFilterArgs(name="default-for-az", values=["true"]),
                aws.ec2.GetSubnetsFilterArgs(name="availability-zone", values=known[1]),
            ]
        )
    )
    # A zone has one default subnet at most.
    ids = subnets.ids.apply(lambda ids: _enough(ids, instance_type, "zones with a default subnet"))
    return Network(vpc_id=found_vpc_id, subnet_ids=ids)


def _enough(found: Sequence[str], instance_type: str, where: str) -> list[str]:
    """What was *found*, sorted, so that the order in which AWS lists it changes nothing."""
    if len(found) < FEWEST_ZONES:
        raise NetworkError(
            f"instanceType is {instance_type}, which {len(found)} {where} have · {FEWEST_ZONES} or more "
            "were expected, as the load balancer needs them · pulumi config set instanceType TYPE, or name "
            "subnets of your own: vpcId and subnetIds"
        )
    return sorted(found)
