"""One local AWS for all stories, and two stacks that they share: one of the web app, one of a tiny image."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, copy_project
from tests.end_to_end.tiny import ONE_INSTANCE, TINY_IMAGE, UNVERIFIED
from tests.support.clients import local_client
from tests.support.local_aws import running_local_aws
from tests.support.shell import prepared_shell

STACK = "local"
TINY_STACK = "tiny"


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


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A checkout whose *stack* is up, and the AMI that it was brought up with."""

    checkout: Checkout
    stack: str
    first_ami: str


@contextlib.contextmanager
def brought_up(checkout: Checkout, stack: str) -> Iterator[Deployed]:
    """*stack*, which was made, brought up; destroyed on leaving."""
    checkout.up(stack)
    yield Deployed(checkout=checkout, stack=stack, first_ami=checkout.outputs(stack)["ami_id"])
    checkout.must("pulumi", "destroy", "--yes", "--stack", stack)


@pytest.fixture(scope="session")
def deployed(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The local stack, as `make up` brings it up."""
    checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
    checkout.init(STACK)
    with brought_up(checkout, STACK) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def deployed_tiny(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """A stack with one machine of the tiny image; that was verified, and later ones are not."""
    checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
    shutil.copy2(checkout.folder / f"Pulumi.{STACK}.yaml", checkout.folder / f"Pulumi.{TINY_STACK}.yaml")
    checkout.init(TINY_STACK, **TINY_IMAGE, **ONE_INSTANCE)
    with brought_up(checkout, TINY_STACK) as deployed:
        checkout.configure(TINY_STACK, **UNVERIFIED)
        checkout.commit("Verify no image")
        yield deployed


@pytest.fixture
def ec2(home: Home) -> Any:
    """A client of the local AWS's EC2."""
    return client(home, "ec2")


def client(home: Home, service: str, region: str = "us-east-1") -> Any:
    """A boto3 client of *service* in the local AWS."""
    return local_client(home.endpoint_url, service, region=region)


@pytest.fixture
def project(deployed: Deployed) -> Iterator[Checkout]:
    """The checkout of the local stack; its fleet runs what the story before left."""
    with put_back(deployed.checkout):
        yield deployed.checkout


@pytest.fixture
def settled(project: Checkout, deployed: Deployed) -> Checkout:
    """The same with nothing to do: the fleet runs the first image."""
    settle(deployed)
    return project


@pytest.fixture
def tiny(deployed_tiny: Deployed) -> Iterator[Checkout]:
    """The checkout of the tiny image; its fleet runs what the story before left."""
    with put_back(deployed_tiny.checkout):
        yield deployed_tiny.checkout


@pytest.fixture
def settled_tiny(tiny: Checkout, deployed_tiny: Deployed) -> Checkout:
    """The same with nothing to do: the fleet runs the first image."""
    settle(deployed_tiny)
    return tiny


@pytest.fixture
def first_tiny_ami(deployed_tiny: Deployed) -> str:
    """The AMI that the tiny image was deployed as."""
    return deployed_tiny.first_ami


@contextlib.contextmanager
def put_back(checkout: Checkout) -> Iterator[None]:
    """On leaving, the files and the configuration are those of before."""
    start = checkout.must("git", "rev-parse", "HEAD").strip()
    try:
        yield
    finally:
        checkout.must("git", "reset", "--quiet", "--hard", start)
        checkout.must("git", "clean", "--quiet", "--force", "-d")


def settle(deployed: Deployed) -> None:
    """Have the fleet run the first image, which the files lead to."""
    checkout, stack = deployed.checkout, deployed.stack
    if checkout.outputs(stack).get("ami_id") != deployed.first_ami:
        checkout.up(stack)
    assert checkout.outputs(stack)["ami_id"] == deployed.first_ami


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
