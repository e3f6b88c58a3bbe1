"""What a release costs the clients, request by request, with the real engine, Packer and machines."""

from __future__ import annotations

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, copy_project
from tests.end_to_end.conftest import STACK, client
from tests.faults.conftest import UNDER_LOAD
from tests.support.load import NO_ANSWER, Load, LoadReport, load
from tests.support.local_aws import running_local_aws
from tests.support.machines import Machines
from tests.support.shell import prepared_shell

REQUESTS = 20_000
REQUESTS_PER_SECOND = 400
PROMISED_REQUESTS_PER_SECOND = 200
SLOW_EVERY = 100
SECONDS_BEFORE_AND_AFTER = 3

SERVER = "images/web-app/app/server.py"
PAGE = "images/web-app/app/page.html"
ANOTHER = "<p>Another release</p>"
PROVISION = "images/web-app/provision/application.sh"

NOTICED_WITHIN_SECONDS = 2
BAKE_SECONDS = 40
BREAKABLE = """        answer = routes[path]()
        if path == HEALTH_CHECK or not Path("/tmp/broken").exists():
            return answer
        return Answer(status="500 Oh no", content_type=answer.content_type, body=answer.body)"""
"""Healthy, and answers 500 to everything else once it was asked to break."""


class Story(Protocol):
    """Has something happen under load, of *requests* at least, and reports every request."""

    def __call__(
        self, name: str, happen: Callable[[Load], object], *, requests: int = REQUESTS
    ) -> LoadReport: ...


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running local AWS that gives a bad image up soon, and whose minutes of metrics last five seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_AWS_REFRESH_FAILURE_SECONDS", "20")
        patch.setenv("LOCAL_AWS_METRIC_SECONDS", "5")
        with running_local_aws(tmp_path_factory.mktemp("aws")) as home:
            yield home


@pytest.fixture(scope="module")
def project(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose stack is up; its service has answers that take a second: some are in flight."""
    with prepared_shell(home, tmp_path_factory.mktemp("pulumi")) as environment:
        checkout = copy_project(tmp_path_factory.mktemp("checkout"), environment)
        checkout.edit(SERVER, "import sys\n", "import sys\nimport time\n")
        add_route(checkout, "/slow", "time.sleep(1)", "return self._tell_version()")
        # The bad images are to be met by the fleet, which gives one up soon.
        checkout.init(STACK, verifyImage="false", healthCheckGracePeriodSeconds=40)
        checkout.up(STACK)
        yield checkout
        checkout.must("pulumi", "destroy", "--yes", "--stack", STACK)


@pytest.fixture(scope="module", autouse=True)
def first_ami(project: Checkout) -> str:
    """The AMI that was rolled out first."""
    return str(project.outputs(STACK)["ami_id"])


@pytest.fixture
def story(project: Checkout, tmp_path: Path, record_property: Callable[[str, object], None]) -> Story:
    """Runs something under load, which begins before it and goes on after it, and reports each request."""
    url = project.outputs(STACK)["url"]
    few = REQUESTS_PER_SECOND * SECONDS_BEFORE_AND_AFTER

    def run(name: str, happen: Callable[[Load], object], *, requests: int = REQUESTS) -> LoadReport:
        rate, slow = REQUESTS_PER_SECOND, "/slow"
        with load(url, tmp_path, requests_per_second=rate, slow_path=slow, slow_every=SLOW_EVERY) as sending:
            try:
                sending.wait_for_requests(few)
                happen(sending)
                sending.wait_for_requests(max(requests, sending.report().total + few))
            finally:
                sending.end()
                report = sending.report()
                record_property(UNDER_LOAD, f"{name}: {report}")
        assert report.lowest_requests_per_second >= PROMISED_REQUESTS_PER_SECOND
        return report

    return run


def add_route(project: Checkout, path: str, *statements: str) -> None:
    """Let the service answer *path* by doing *statements*."""
    name = f"_answer_{path.strip('/')}"
    lines = "".join(f"        {statement}\n" for statement in statements)
    routes, check = "HEALTH_CHECK: self._check_health}", "    def _check_health(self)"
    project.edit(SERVER, routes, f'"{path}": self.{name}, {routes}')
    project.edit(SERVER, check, f"    def {name}(self) -> Answer:\n{lines}\n{check}")


def use_another_image(project: Checkout) -> None:
    """Have the working tree be that of another image than the first one."""
    if ANOTHER not in (project.folder / PAGE).read_text():
        project.edit(PAGE, "</body>", f"{ANOTHER}</body>")


@contextlib.contextmanager
def pinned(project: Checkout, ami_id: str) -> Iterator[None]:
    """Have *ami_id* rolled out by the next `up`, whatever the working tree says."""
    project.must("pulumi", "config", "set", "pinnedAmi", ami_id, "--stack", STACK)
    try:
        yield
    finally:
        project.must("pulumi", "config", "rm", "pinnedAmi", "--stack", STACK)


@contextlib.contextmanager
def edited(project: Checkout) -> Iterator[None]:
    """Put the files back that the block changes; what it rolled out stays."""
    start = project.must("git", "rev-parse", "HEAD").strip()
    try:
        yield
    finally:
        project.must("git", "reset", "--quiet", "--hard", start)


@contextlib.contextmanager
def baking(project: Checkout, *, seconds: int) -> Iterator[None]:
    """Have rollouts watch the new machines for *seconds*."""
    project.must("pulumi", "config", "set", "bakeTimeSeconds", str(seconds), "--stack", STACK)
    try:
        yield
    finally:
        project.must("pulumi", "config", "set", "bakeTimeSeconds", "0", "--stack", STACK)


def is_baking(home: Home, group: str) -> bool:
    """Whether the latest instance refresh of *group* is in its bake time."""
    refreshes = client(home, "autoscaling").describe_instance_refreshes(AutoScalingGroupName=group)
    return bool(refreshes["InstanceRefreshes"][0]["Status"] == "Baking")


def addresses(home: Home, group: str) -> list[str]:
    """Where the machines of *group* answer."""
    groups = client(home, "autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    ids = [instance["InstanceId"] for instance in groups["AutoScalingGroups"][0]["Instances"]]
    reservations = client(home, "ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return [one["PrivateIpAddress"] for reservation in reservations for one in reservation["Instances"]]


def rang_at(home: Home, name: str) -> float:
    """When the alarm with *name* in its own last went into ALARM."""
    history = client(home, "cloudwatch").describe_alarm_history(HistoryItemType="StateUpdate")
    return float(
        max(
            item["Timestamp"].timestamp()
            for item in history["AlarmHistoryItems"]
            if name in item["AlarmName"] and item["HistorySummary"].endswith("to ALARM")
        )
    )


def instances_of_another_ami(report: LoadReport, ami_id: str) -> list[str]:
    """The machines that answered from another AMI than *ami_id*, in that order."""
    return [sample.instance_id for sample in report.samples if sample.ami_id not in ("", ami_id)]


def test_a_good_release_loses_no_request(project: Checkout, story: Story) -> None:
    old = project.outputs(STACK)["ami_id"]
    use_another_image(project)

    report = story("good release", lambda _: project.up(STACK))

    new = project.outputs(STACK)["ami_id"]
    assert report.failed == []
    assert report.total >= REQUESTS
    assert report.samples[0].ami_id == old != new
    assert set(report.answered_by_ami) == {old, new}
    assert {sample.ami_id for sample in report.samples[-REQUESTS_PER_SECOND:]} == {new}


def test_an_image_that_never_gets_healthy_loses_no_request(project: Checkout, story: Story) -> None:
    old = project.outputs(STACK)["ami_id"]
    printed: list[str] = []

    with edited(project):
        script = project.folder / PROVISION
        script.write_text(script.read_text() + "\nsystemctl disable web-app.service\n")
        project.commit("Break the service")
        report = story("bad image, never healthy", lambda _: printed.append(project.failing_up(STACK)))

    assert "RollbackSuccessful" in printed[0]
    assert report.failed == []
    assert report.total >= REQUESTS
    assert set(report.answered_by_ami) == {old}


def test_a_pin_back_to_the_old_ami_loses_no_request(project: Checkout, first_ami: str, story: Story) -> None:
    if project.outputs(STACK)["ami_id"] == first_ami:
        use_another_image(project)
        project.up(STACK)
    new = project.outputs(STACK)["ami_id"]

    with pinned(project, first_ami):
        report = story("pin back to the old AMI", lambda _: project.up(STACK))

    assert report.failed == []
    assert report.total >= REQUESTS
    assert report.samples[0].ami_id == new
    assert set(report.answered_by_ami) == {new, first_ami}
    assert {sample.ami_id for sample in report.samples[-REQUESTS_PER_SECOND:]} == {first_ami}


def test_a_machine_killed_in_the_middle_of_a_release_loses_only_what_was_in_flight_on_it(
    project: Checkout, home: Home, first_ami: str, story: Story
) -> None:
    if project.outputs(STACK)["ami_id"] != first_ami:
        with pinned(project, first_ami):
            project.up(STACK)
    use_another_image(project)
    killed: list[str] = []
    killed_at: list[float] = []

    def release(sending: Load) -> None:
        with ThreadPoolExecutor(1) as thread:
            up = thread.submit(project.up, STACK)
            while not (machines := instances_of_another_ami(sending.report(), first_ami)):
                assert not up.done(), up.result()
                time.sleep(0.2)
            killed_at.append(time.time())
            killed.append(machines[-1])
            Machines(home).kill(killed[0])
            up.result()

    report = story("machine killed in the middle of a release", release, requests=0)

    assert {s.failure for s in report.failed if s.status} <= {"HTTP 502", NO_ANSWER}
    assert all(sample.answered > killed_at[0] for sample in report.failed)
    noticed_at = report.last_failed_at or killed_at[0]
    assert noticed_at < killed_at[0] + NOTICED_WITHIN_SECONDS
    assert not [s for s in report.samples if s.instance_id == killed[0] and s.sent > noticed_at]
    # Its share, as one of three or two machines; the others lost none of theirs.
    meanwhile = [sample for sample in report.samples if killed_at[0] <= sample.sent <= noticed_at]
    assert len([sample for sample in meanwhile if sample.failure]) <= len(meanwhile) / 2 + 1
    assert {sample.ami_id for sample in report.samples[-REQUESTS_PER_SECOND:]} == {
        project.outputs(STACK)["ami_id"]
    }


def test_an_image_that_answers_500_in_bake_time_loses_only_its_own_answers(
    project: Checkout, home: Home, story: Story, record_property: Callable[[str, object], None]
) -> None:
    old = project.outputs(STACK)
    printed: list[str] = []
    ended_at: list[float] = []

    def release(_: Load) -> None:
        with ThreadPoolExecutor(1) as thread:
            up = thread.submit(project.failing_up, STACK)
            while not is_baking(home, old["auto_scaling_group"]):
                assert not up.done(), up.result()
                time.sleep(0.5)
            for address in addresses(home, old["auto_scaling_group"]):
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"http://{address}:8080/break", timeout=10).close()
            printed.append(up.result())
            ended_at.append(time.time())

    with edited(project), baking(project, seconds=BAKE_SECONDS):
        add_route(project, "/break", 'Path("/tmp/broken").touch()', "return self._tell_version()")
        project.edit(SERVER, "        return routes[path]()", BREAKABLE)
        report = story("image that answers 500 in bake time", release, requests=0)

    alarm_at = rang_at(home, "target-5xx")
    before = len([sample for sample in report.failed if sample.answered <= alarm_at])
    after = f"{len(report.failed) - before:,} until the rollback had replaced its machines"
    record_property(UNDER_LOAD, f"  of these {before:,} before the alarm, {after}")
    assert "RollbackSuccessful" in printed[0]
    assert "target-5xx" in printed[0]
    assert "Threshold Crossed: 1 out of the last 1 datapoints [" in printed[0]
    assert before > 0
    assert set(report.failed_by_kind) == {"HTTP 500"}
    assert old["ami_id"] not in {sample.ami_id for sample in report.failed}
    assert max(sample.sent for sample in report.failed) < ended_at[0]
    assert {sample.ami_id for sample in report.samples[-REQUESTS_PER_SECOND:]} == {old["ami_id"]}
