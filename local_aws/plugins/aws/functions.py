"""The look-ups: what an aws.*.get_* function answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from local_aws.plugins.aws.resource import Clients, Values, tag_dict

NO_RESULTS = "Your query returned no results. Please change your search criteria and try again"
TOO_MANY = (
    "Your query returned more than one result. Please try a more specific search criteria, "
    "or set `mostRecent` to true"
)


class FunctionError(Exception):
    """The look-up found nothing, too much, or was not understood."""


def to_filters(filters: list[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Filters as EC2 takes them."""
    return [{"Name": item["name"], "Values": list(item["values"])} for item in filters or []]


def get_ami(aws: Clients, arguments: Values) -> Values:
    """One AMI; an image of the filters' `image-id` is not limited to a page."""
    pages = (
        aws("ec2")
        .get_paginator("describe_images")
        .paginate(
            Owners=list(arguments.get("owners") or []),
            Filters=to_filters(arguments.get("filters")),
            IncludeDeprecated=bool(arguments.get("includeDeprecated")),
        )
    )
    images = [image for page in pages for image in page["Images"]]
    if not images:
        raise FunctionError(NO_RESULTS)
    images.sort(key=lambda image: str(image.get("CreationDate", "")), reverse=True)
    if len(images) > 1 and not arguments.get("mostRecent"):
        raise FunctionError(TOO_MANY)
    image = images[0]
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "arn": f"arn:aws:ec2:{aws.region}::image/{image['ImageId']}",
        "architecture": image.get("Architecture", ""),
        "creationDate": image.get("CreationDate", ""),
        "description": image.get("Description", ""),
        "name": image.get("Name", ""),
        "ownerId": image.get("OwnerId", ""),
        "rootDeviceName": image.get("RootDeviceName", ""),
        "rootDeviceType": image.get("RootDeviceType", ""),
        "state": image.get("State", ""),
        "tags": tag_dict(image.get("Tags")),
        "virtualizationType": image.get("VirtualizationType", ""),
    }


def get_vpc(aws: Clients, arguments: Values) -> Values:
    """One VPC: the default one, or by id."""
    filters = to_filters(arguments.get("filters"))
    if arguments.get("default"):
        filters.append({"Name": "is-default", "Values": ["true"]})
    chosen = {"VpcIds": [arguments["id"]]} if arguments.get("id") else {}
    vpcs = aws("ec2").describe_vpcs(Filters=filters, **chosen)["Vpcs"]
    if len(vpcs) != 1:
        raise FunctionError(
            "no matching EC2 VPC found"
            if not vpcs
            else "multiple EC2 VPCs matched; use additional constraints"
        )
    vpc = vpcs[0]
    return {
        "id": vpc["VpcId"],
        "arn": f"arn:aws:ec2:{aws.region}::vpc/{vpc['VpcId']}",
        "cidrBlock": vpc["CidrBlock"],
        "default": vpc["IsDefault"],
        "state": vpc["State"],
        "tags": tag_dict(vpc.get("Tags")),
    }


def get_subnets(aws: Clients, arguments: Values) -> Values:
    """The ids of all matching subnets."""
    pages = (
        aws("ec2").get_paginator("describe_subnets").paginate(Filters=to_filters(arguments.get("filters")))
    )
    ids = [subnet["SubnetId"] for page in pages for subnet in page["Subnets"]]
    return {"id": aws.region, "ids": ids, "filters": arguments.get("filters") or []}


def get_instance_type_offerings(aws: Clients, arguments: Values) -> Values:
    """Where which instance types are offered, as three lists that belong together."""
    pages = (
        aws("ec2")
        .get_paginator("describe_instance_type_offerings")
        .paginate(
            LocationType=arguments.get("locationType") or "region",
            Filters=to_filters(arguments.get("filters")),
        )
    )
    offerings = [offering for page in pages for offering in page["InstanceTypeOfferings"]]
    return {
        "id": aws.region,
        "instanceTypes": [offering["InstanceType"] for offering in offerings],
        "locations": [offering["Location"] for offering in offerings],
        "locationTypes": [offering["LocationType"] for offering in offerings],
    }


def get_partition(aws: Clients, _arguments: Values) -> Values:
    """The part of AWS that the provider's region is in, as ARNs name it."""
    partition = boto3.session.Session().get_partition_for_region(aws.region)
    return {"id": partition, "partition": partition}


def get_caller_identity(aws: Clients, _arguments: Values) -> Values:
    """Who is asking."""
    identity = aws("sts").get_caller_identity()
    return {
        "id": identity["Account"],
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "userId": identity["UserId"],
    }


def get_region(aws: Clients, _arguments: Values) -> Values:
    """The provider's region."""
    return {"id": aws.region, "name": aws.region, "region": aws.region, "description": aws.region}


FUNCTIONS: Mapping[str, tuple[Callable[[Clients, Values], Values], frozenset[str]]] = {
    "aws:ec2/getAmi:getAmi": (get_ami, frozenset({"owners", "filters", "mostRecent", "includeDeprecated"})),
    "aws:ec2/getVpc:getVpc": (get_vpc, frozenset({"id", "default", "filters"})),
    "aws:ec2/getSubnets:getSubnets": (get_subnets, frozenset({"filters"})),
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": (
        get_instance_type_offerings,
        frozenset({"locationType", "filters"}),
    ),
    "aws:index/getPartition:getPartition": (get_partition, frozenset()),
    "aws:index/getCallerIdentity:getCallerIdentity": (get_caller_identity, frozenset()),
    "aws:index/getRegion:getRegion": (get_region, frozenset()),
}


def call(aws: Clients, token: str, arguments: Values) -> Values:
    """The answer of the function *token*, echoing its arguments as the real one does."""
    function, served = FUNCTIONS[token]
    refused = sorted(
        name for name, value in arguments.items() if name not in served and value not in (None, aws.region)
    )
    if refused:
        raise FunctionError(
            f"{token}: {', '.join(refused)} is not supported locally · "
            f"{', '.join(sorted(served)) or 'no argument'} was expected · use AWS_PLUGIN=real"
        )
    return {**arguments, **function(aws, arguments)}
