"""Throttling and outages of up to a minute, in the middle of a build or a rollout, are waited out and said.

The stories follow each other on one stack: the first makes it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, ask, copy_project, wait_until
from tests.end_to_end.conftest import living_instances
from tests.end_to_end.tiny import ONE_INSTANCE, SHORT_WAITS, TINY_IMAGE, UNVERIFIED, commit_release
from tests.support.faults import Faults
from tests.support.local_aws import ec2_client, running_local_aws
from tests.support.shell import prepared_shell

STACK = "local"
pytestmark = pytest.mark.timeout(900)
CONFIG = {**TINY_IMAGE, **ONE_INSTANCE, **SHORT_WAITS, **UNVERIFIED}
THROTTLING_SECONDS = 20
OUTAGE_SECONDS = 45
SECONDS_TO_GIVE_UP = 60


@pytest.fixture
def faults(home: Home) -> Iterator[Faults]:
    """The faults of the local AWS, all ended afterwards."""
    faults = Faults(home)
    yield faults
    faults.clear()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running local AWS, with machines."""
    with running_local_aws(tmp_path_factory.mktemp("aws")) as home:
        yield home


@pytest.fixture(scope="module")
def checkout(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose local stack is not up yet."""
    with prepared_shell(home, tmp_path_factory.mktemp("pulumi")) as environment:
        checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
        checkout.init(STACK, **CONFIG)
        yield checkout
        checkout.must("pulumi", "destroy", "--yes", "--stack", STACK)


@pytest.fixture
def ec2(home: Home) -> Any:
    """A client of the local AWS's EC2."""
    return ec2_client(home)


class Up:
    """A `pulumi up` that runs."""

    def __init__(self, checkout: Checkout, faults: Faults) -> None:
        self._process = checkout.start("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
        self._faults = faults
        self._since = max((call.sequence for call in faults.calls()), default=0)

    def inject_at(self, action: str, user_agent: str, kind: str, seconds: float | None = None) -> str:
        """Put a fault into every call once *action* was called by *user_agent*; return its id."""
        self._wait(lambda: self._is_called(action, user_agent), f"{action} is called")
        return self._faults.inject("*", kind, seconds=seconds)

    def _is_called(self, action: str, user_agent: str) -> bool:
        calls = self._faults.calls(action, since=self._since)
        return any(user_agent in call.user_agent.lower() and call.served for call in calls)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(lambda: condition() or self._process.poll() is not None, what, timeout_seconds=300)

    def end(self) -> tuple[int, str]:
        """Its exit code and all that it printed."""
        try:
            output, _ = self._process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            raise
        return self._process.returncode, output


def build_machines(ec2: Any) -> set[str]:
    """The living instances that images are built on."""
    built_on = ec2.describe_instances(Filters=[{"Name": "tag-key", "Values": ["RunId"]}])["Reservations"]
    return living_instances(ec2) & {
        instance["InstanceId"] for reservation in built_on for instance in reservation["Instances"]
    }


def is_serving_its_image(checkout: Checkout) -> bool:
    """Whether the load balancer answers from the image of the stack's outputs."""
    outputs = checkout.outputs(STACK)
    return bool(ask(outputs["url"])["ami_id"] == outputs["ami_id"])


def test_throttling_of_everything_during_a_build_is_waited_out_and_said(
    checkout: Checkout, faults: Faults
) -> None:
    up = Up(checkout, faults)

    fault = up.inject_at("ec2:RunInstances", "packer", "throttling", THROTTLING_SECONDS)
    exit_code, printed = up.end()

    assert exit_code == 0, printed
    assert faults.hits(fault) > 0
    assert "AWS does not answer (RequestLimitExceeded): waiting and trying again" in printed
    assert "AWS answers again, after " in printed
    assert is_serving_its_image(checkout)


def test_an_outage_in_a_build_and_throttling_in_its_rollout_are_waited_out_and_said(
    checkout: Checkout, faults: Faults
) -> None:
    commit_release(checkout, "an outage")
    up = Up(checkout, faults)

    in_build = up.inject_at("ec2:RunInstances", "packer", "dropped", OUTAGE_SECONDS)
    in_rollout = up.inject_at("autoscaling:StartInstanceRefresh", "boto3", "throttling", THROTTLING_SECONDS)
    exit_code, printed = up.end()

    assert exit_code == 0, printed
    assert faults.hits(in_build) > 0
    assert "AWS does not answer (ConnectionClosedError): waiting and trying again" in printed
    assert "AWS has not answered for " in printed
    assert "AWS answers again, after " in printed
    assert faults.hits(in_rollout) > 0
    assert "AWS does not answer (Throttling: Rate exceeded)" in printed
    assert faults.calls("autoscaling:StartInstanceRefresh")[-1].status == 200
    assert is_serving_its_image(checkout)


def test_credentials_that_expire_in_a_build_end_it_at_once_and_the_next_up_outlives_an_outage_in_its_rollout(
    checkout: Checkout, faults: Faults, ec2: Any
) -> None:
    commit_release(checkout, "expired credentials")
    before = checkout.outputs(STACK)
    up = Up(checkout, faults)

    up.inject_at("ec2:RunInstances", "packer", "expired-credentials")
    expired = time.monotonic()
    exit_code, printed = up.end()

    assert exit_code != 0
    assert time.monotonic() - expired < SECONDS_TO_GIVE_UP
    assert (
        "packer build was stopped: RequestExpired at DescribeImages · the AWS credentials have expired"
        in printed
    )
    assert "renew them and run pulumi up again" in printed
    assert ask(before["url"])["ami_id"] == before["ami_id"]

    faults.clear()
    up = Up(checkout, faults)
    fault = up.inject_at("autoscaling:StartInstanceRefresh", "boto3", "dropped", OUTAGE_SECONDS)
    exit_code, printed = up.end()

    assert exit_code == 0, printed
    assert faults.hits(fault) > 0
    assert "AWS does not answer (" in printed
    assert "AWS answers again after " in printed
    assert checkout.outputs(STACK)["ami_id"] != before["ami_id"]
    assert is_serving_its_image(checkout)
    assert build_machines(ec2) == set()
