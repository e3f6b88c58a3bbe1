"""Pulumi mocks: what a program of components would create, by type and name, with the inputs it gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

Answers = dict[str, Callable[[dict[str, Any]], dict[str, Any]]]

DEFAULT_VPC = "vpc-0default"
ZONES = ("us-east-1b", "us-east-1a")
SUBNET_IDS = ("subnet-b", "subnet-a")


class RecordingMocks(Mocks):
    """Gives every resource an id and plausible outputs, and keeps what was asked for."""

    def __init__(self, zones: Sequence[str] = ZONES, subnet_ids: Sequence[str] = SUBNET_IDS) -> None:
        self.zones, self.subnet_ids = list(zones), list(subnet_ids)
        self.resources: list[MockResourceArgs] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources.append(args)
        outputs: dict[str, dict[str, Any]] = {
            "aws:lb/loadBalancer:LoadBalancer": {
                "dnsName": "web.elb.example",
                "arn": "arn:lb",
                "arnSuffix": "app/web/1",
            },
            "aws:lb/targetGroup:TargetGroup": {"arn": "arn:tg", "arnSuffix": "targetgroup/web/2"},
            "aws:lb/listener:Listener": {"arn": "arn:listener"},
            "aws:iam/instanceProfile:InstanceProfile": {"arn": "arn:profile"},
            "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 7.0},
            "aws:autoscaling/group:Group": {"name": "web-group-1234567"},
            "pulumi-python:dynamic/image_builder:PackerImage": {
                "ami_id": "ami-0new",
                "ami_name": "web-app-0123456789ab",
                "git_commit": "4e5f6a7",
                "origin": "built",
            },
            "pulumi-python:dynamic/infra:InstanceRefresh": {"status": "Successful"},
        }
        own_name = {"name": f"{args.name}-1234567"}
        return f"{args.name}-id", {**own_name, **args.inputs, **outputs.get(args.typ, {})}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        self.calls.append((args.token, args.args))
        answers: Answers = {
            "aws:ec2/getVpc:getVpc": lambda given: {"id": given.get("id") or DEFAULT_VPC},
            "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": lambda _: {"locations": self.zones},
            "aws:ec2/getSubnets:getSubnets": lambda _: {"ids": self.subnet_ids},
            "aws:index/getPartition:getPartition": lambda _: {"partition": "aws-us-gov"},
            "aws:ec2/getAmi:getAmi": lambda given: {
                "id": given["filters"][0]["values"][0],
                "rootDeviceName": "/dev/sdz",
            },
        }
        return answers[args.token](args.args), []

    def all_of(self, kind: str) -> list[MockResourceArgs]:
        """The resources of AWS whose type ends so, by name: siblings are made in no particular order."""
        found = [
            resource
            for resource in self.resources
            if resource.typ.startswith("aws:") and resource.typ.endswith(kind)
        ]
        return sorted(found, key=lambda resource: resource.name)

    def inputs_of(self, kind: str) -> dict[str, Any]:
        """The inputs of the one resource of a type."""
        (resource,) = self.all_of(kind)
        return dict(resource.inputs)


def run(
    program: Callable[[], pulumi.Output[Any]],
    *,
    stack: str = "dev",
    preview: bool = False,
    mocks: RecordingMocks | None = None,
) -> tuple[RecordingMocks, Any]:
    """Run *program* for *stack*; return what it asked for and what it returned, once all is done."""
    mocks = mocks or RecordingMocks()
    pulumi.runtime.set_mocks(mocks, project="immutable-machines", stack=stack, preview=preview)
    returned: list[Any] = []

    def keep() -> pulumi.Output[None]:
        return program().apply(returned.append)

    test: Callable[[Callable[[], Any]], Callable[[], None]] = pulumi.runtime.test
    test(keep)()
    (value,) = returned
    return mocks, value
