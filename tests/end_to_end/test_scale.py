"""A `pulumi up` asks AWS no more for a large fleet in a full account than for a small one in an empty one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from bench.fleet import seed_images
from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, copy_project
from tests.support.faults import Faults
from tests.support.local_aws import running_local_aws
from tests.support.shell import prepared_shell

ASKED_AGAIN = frozenset(
    {
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeScalingActivities",
        "elasticloadbalancing:DescribeTargetHealth",
        "ec2:DescribeInstances",
        "monitoring:DescribeAlarms",
    }
)
"""What is asked for as long as the refresh lasts, or in pages; the rollout's own tests bound it."""

SMALL, LARGE = 10, 100
QUICK = {"smokeTest": "false", "bakeTimeSeconds": 0, "instanceWarmupSeconds": 0, "maxHealthyPercentage": 200}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running local AWS without machines."""
    with running_local_aws(tmp_path_factory.mktemp("aws"), machines="none") as home:
        yield home


@pytest.fixture(scope="module")
def checkout(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout without a stack."""
    with prepared_shell(home, tmp_path_factory.mktemp("pulumi")) as environment:
        yield copy_project(tmp_path_factory.mktemp("checkout"), environment)


def calls_of_a_release(checkout: Checkout, home: Home, instances: int, amis: list[str]) -> Counter[str]:
    """The calls of the `up` that brings a new stack of *instances* from the first to the second of *amis*."""
    size = {"minSize": instances, "maxSize": instances, "desiredCapacity": instances}
    checkout.must("git", "checkout", "--quiet", ".")
    checkout.init("local", pinnedAmi=amis[0], **size, **QUICK)
    checkout.up("local")
    checkout.must("pulumi", "config", "set", "pinnedAmi", amis[1], "--stack", "local")
    faults = Faults(home)
    before = max(call.sequence for call in faults.calls())

    checkout.up("local")

    calls = Counter(call.action for call in faults.calls(since=before))
    checkout.must("pulumi", "destroy", "--yes", "--stack", "local")
    checkout.must("pulumi", "stack", "rm", "--yes", "--preserve-config", "local")
    return calls


def test_an_up_makes_the_same_calls_for_many_instances_and_images(checkout: Checkout, home: Home) -> None:
    few = calls_of_a_release(checkout, home, SMALL, seed_images(home, 10))
    many = calls_of_a_release(checkout, home, LARGE, seed_images(home, 10_000, "web-app-more"))

    once = {action: few[action] for action in few if action not in ASKED_AGAIN}
    assert once == {action: many[action] for action in many if action not in ASKED_AGAIN}
    assert once["autoscaling:StartInstanceRefresh"] == 1
