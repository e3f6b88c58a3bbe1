"""One local AWS for all stories, and one deployed stack that each story leaves as it found it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, copy_project
from tests.support.local_aws import running_local_aws
from tests.support.shell import prepared_shell

STACK = "local"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running local AWS, with machines."""
    with running_local_aws(tmp_path_factory.mktemp("aws")) as home:
        yield home


@pytest.fixture(scope="session")
def environment(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The shell that `make env` would prepare, for this local AWS and a Pulumi backend of its own."""
    with prepared_shell(home, tmp_path_factory.mktemp("pulumi")) as environment:
        yield environment


@pytest.fixture(scope="session")
def deployed(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose local stack is up."""
    checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
    checkout.init(STACK)
    checkout.up(STACK)
    yield checkout
    checkout.must("pulumi", "destroy", "--yes", "--stack", STACK)


@pytest.fixture
def ec2(home: Home) -> Any:
    """A client of the local AWS's EC2."""
    return client(home, "ec2")


def client(home: Home, service: str, region: str = "us-east-1") -> Any:
    """A boto3 client of *service* in the local AWS."""
    session: Any = boto3.Session()
    return session.client(
        service,
        endpoint_url=home.endpoint_url,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@pytest.fixture(scope="session")
def first_ami(deployed: Checkout) -> str:
    """The AMI that the stack was deployed with."""
    return str(deployed.outputs(STACK)["ami_id"])


@pytest.fixture
def project(deployed: Checkout, first_ami: str) -> Iterator[Checkout]:
    """The deployed checkout; whatever the story changed in its files, configuration and fleet is put back."""
    start = deployed.must("git", "rev-parse", "HEAD").strip()
    yield deployed
    deployed.must("git", "reset", "--quiet", "--hard", start)
    deployed.must("git", "clean", "--quiet", "--force", "-d")
    if deployed.outputs(STACK).get("ami_id") != first_ami:
        deployed.up(STACK)


def own_images(ec2: Any) -> set[str]:
    """The AMIs that this account owns."""
    return {image["ImageId"] for image in ec2.describe_images(Owners=["self"])["Images"]}


def living_instances(ec2: Any) -> set[str]:
    """The instances that are not on their way out."""
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    )
    return {
        instance["InstanceId"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    }
