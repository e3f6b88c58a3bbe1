"""A `pulumi up` that is killed outright, wherever, is finished by the next, as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, ask, copy_project, wait_until
from tests.end_to_end.conftest import client
from tests.end_to_end.tiny import FOLDER, ONE_INSTANCE, SHORT_WAITS, TINY_IMAGE, UNVERIFIED, write_release
from tests.faults.points import PACKER, POINTS, Point
from tests.support.faults import Call, Faults
from tests.support.killing import NOTHING_LEFT, leftovers, packers_of, signal_tree
from tests.support.local_aws import running_local_aws
from tests.support.output import Output
from tests.support.shell import prepared_shell

STACK = "local"
ACCOUNTS = 2
CONFIG = {**TINY_IMAGE, **ONE_INSTANCE, **SHORT_WAITS, **UNVERIFIED}
FAILURE_SECONDS = 600
PULUMI_UP = ("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
SECONDS_TO_REACH_A_POINT = 180
SECONDS_TO_CLEAN_UP = 120


@dataclass(kw_only=True)
class World:
    """A deployed stack, and the account that it is in."""

    home: Home
    checkout: Checkout
    faults: Faults
    releases: int = 0
    story_began: int = 0
    ec2: Any = field(init=False)
    auto_scaling: Any = field(init=False)

    def __post_init__(self) -> None:
        self.ec2 = client(self.home, "ec2")
        self.auto_scaling = client(self.home, "autoscaling")

    def begin_story(self) -> None:
        """Look at no call before this moment again."""
        calls = self.faults.calls(since=self.story_began)
        self.story_began = max([self.story_began, *(call.sequence for call in calls)])

    def calls(self, action: str = "*", user_agent: str = "") -> list[Call]:
        """The calls of this story that did what they asked for, the oldest first."""
        return [
            call
            for call in self.faults.calls(action, since=self.story_began)
            if call.served and call.error_code is None and user_agent in call.user_agent
        ]

    def hold(self, point: Point) -> str:
        """Keep the call of *point* waiting; the fault that does so."""
        kind = "hold-after" if point.is_served else "hold"
        user_agent = point.user_agent or None
        return self.faults.inject(point.action, kind, count=1, after=point.after, user_agent=user_agent)

    def is_under_way(self, fault: str) -> bool:
        """Whether a call waits because of *fault*."""
        calls = self.faults.calls(since=self.story_began) if fault else []
        return any(call.is_under_way for call in calls if call.fault_id == fault)

    def packer_goes_on(self) -> bool:
        """Whether the newest build's supervisor lets Packer finish."""
        logs = sorted(self.checkout.folder.glob(".packer-runs/*/packer.log"))
        return "it goes on to its end" in logs[-1].read_text()

    def serving(self) -> set[str]:
        """The AMIs of the group's instances."""
        groups = self.auto_scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        ids = [instance["InstanceId"] for group in groups for instance in group["Instances"]]
        reservations = self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return {instance["ImageId"] for one in reservations for instance in one["Instances"]}

    def images_of(self, fingerprint: str) -> list[str]:
        """The AMIs of *fingerprint*."""
        tag = [{"Name": "tag:ImageFingerprint", "Values": [fingerprint]}]
        return [image["ImageId"] for image in self.ec2.describe_images(Filters=tag)["Images"]]

    def state(self) -> dict[str, Any]:
        """What Pulumi has recorded."""
        exported = json.loads(self.checkout.must("pulumi", "stack", "export", "--stack", STACK))
        deployment = exported["deployment"]
        assert isinstance(deployment, dict)
        return deployment

    def temporary_files(self) -> list[str]:
        """What a build needs in the project's folder only while it runs."""
        runs = self.checkout.folder / ".packer-runs"
        return sorted(str(path) for pattern in ("*.lock", "*/template") for path in runs.glob(pattern))


class Walk:
    """All stories, told in two accounts side by side, because most of their time is waiting."""

    def __init__(self, points: list[Point], folders: list[Path]) -> None:
        self._stories: queue.SimpleQueue[Point] = queue.SimpleQueue()
        self._ended: dict[Point, Future[None]] = {point: Future() for point in points}
        self._is_cut_short = threading.Event()
        for point in points:
            self._stories.put(point)
        self._executor = ThreadPoolExecutor(max_workers=len(folders))
        self._at_rest = [self._executor.submit(self._walk, folder) for folder in folders]

    def wait_for(self, point: Point) -> None:
        """Return when the story of *point* has ended well; raise what went wrong in it."""
        self._ended[point].result()

    def wait_for_rest(self) -> None:
        """Return when every story has ended, and each stack was found with nothing left to do."""
        for future in self._at_rest:
            future.result()

    def close(self) -> None:
        """Begin no other story, and wait for those that have begun."""
        self._is_cut_short.set()
        self._executor.shutdown()

    def _walk(self, folder: Path) -> None:
        try:
            with deployed(folder) as world:
                for point in self._next_points():
                    self._tell(world, point)
                if not self._is_cut_short.is_set():
                    assert_nothing_to_do(world)
        except BaseException as error:
            for point in self._next_points():
                self._ended[point].set_exception(error)
            raise

    def _next_points(self) -> Iterator[Point]:
        with contextlib.suppress(queue.Empty):
            while not self._is_cut_short.is_set():
                yield self._stories.get_nowait()

    def _tell(self, world: World, point: Point) -> None:
        began = time.monotonic()
        try:
            kill_and_finish(world, point)
        except BaseException as error:
            self._ended[point].set_exception(error)
            bring_to_rest(world)
        else:
            self._ended[point].set_result(None)
        print(f"{time.monotonic() - began:5.1f} s  {point.name}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def deployed(folder: Path) -> Iterator[World]:
    """A stack with one instance in an account of its own, all of it in *folder*."""
    with (
        running_local_aws(folder / "aws") as home,
        prepared_shell(home, folder / "pulumi") as environment,
    ):
        checkout = copy_project(folder / "checkout", environment)
        checkout.init(STACK, **CONFIG)
        world = World(home=home, checkout=checkout, faults=Faults(home))
        try:
            bring_up_new_release(world)
            yield world
        finally:
            kill_builds(checkout)


def bring_to_rest(world: World) -> None:
    """As if the story before had ended well."""
    world.faults.clear()
    kill_builds(world.checkout)
    world.checkout.run("pulumi", "cancel", "--yes", "--stack", STACK)
    world.checkout.run(*PULUMI_UP)


@pytest.fixture(scope="module")
def walk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk by those points that were chosen for this run of the tests."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    parameters = [test.callspec.params for test in tests if hasattr(test, "callspec")]
    chosen = [point for point in POINTS if any(values.get("point") == point for values in parameters)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_AWS_REFRESH_FAILURE_SECONDS", str(FAILURE_SECONDS))
        walk = Walk(chosen, [tmp_path_factory.mktemp("walk") for _ in range(ACCOUNTS)])
        yield walk
        walk.close()


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_the_next_up_finishes_what_was_killed_when(walk: Walk, point: Point) -> None:
    walk.wait_for(point)


def test_after_all_that_a_refresh_clears_the_warnings_and_there_is_nothing_to_do(walk: Walk) -> None:
    walk.wait_for_rest()


def kill_and_finish(world: World, point: Point) -> None:
    """Kill an `up` at *point*, run another, and look for anything that is wrong then."""
    world.begin_story()
    serving = world.serving()
    choose_release(world, point)
    if point.is_verified:
        world.checkout.must("pulumi", "config", "set", "verifyImage", "true", "--stack", STACK)

    kill_at(world, point)
    world.checkout.must("pulumi", "cancel", "--yes", "--stack", STACK)
    world.checkout.up(STACK)

    if point.is_verified:
        world.checkout.must("pulumi", "config", "set", "verifyImage", "false", "--stack", STACK)
    state = world.state()
    (stack,) = [one for one in state["resources"] if one["type"] == "pulumi:pulumi:Stack"]
    outputs = stack["outputs"]
    assert world.serving() == {outputs["ami_id"]} != serving
    assert ask(outputs["url"])["ami_id"] == outputs["ami_id"]
    assert world.images_of(outputs["fingerprint"]) == [outputs["ami_id"]]
    made = world.calls("ec2:CreateImage")
    assert len(made) == (1 if point.release == "new image" else 0)
    launched = world.calls("ec2:RunInstances", PACKER)
    # A killed verification is run again, on another machine; a build is not.
    afterwards = [call for call in launched if made and call.sequence > made[0].sequence]
    assert len(afterwards) == (2 if point.is_verified else 0)
    assert len(world.calls("autoscaling:StartInstanceRefresh")) == 1
    wait_until(lambda: packers_of(world.checkout.folder) == [], "Packer is gone", SECONDS_TO_CLEAN_UP)
    assert leftovers(world.ec2) == NOTHING_LEFT
    assert world.temporary_files() == []
    # Pulumi cannot know whether an interrupted creation made anything, and warns until a refresh clears it.
    assert pending_operations(state) <= {"creating"}


def assert_nothing_to_do(world: World) -> None:
    """A refresh clears the warnings about what was interrupted, and changes nothing else."""
    world.checkout.must("pulumi", "refresh", "--yes", "--clear-pending-creates", "--stack", STACK)

    assert pending_operations(world.state()) == set()
    preview = world.checkout.run("pulumi", "preview", "--expect-no-changes", "--stack", STACK)
    assert preview.exit_code == 0, preview.output


def pending_operations(state: dict[str, Any]) -> set[str]:
    """The kinds of what the state says was begun and never ended."""
    return {operation["type"] for operation in state.get("pending_operations") or []}


def choose_release(world: World, point: Point) -> None:
    """Have the next `up` build an image, or go to one of those before."""
    if point.release == "new image":
        world.releases += 1
        write_release(world.checkout, f"{world.releases}")
    else:
        if world.releases < 2:
            bring_up_new_release(world)
        current = (world.checkout.folder / FOLDER / "release").read_text().strip()
        write_release(world.checkout, "1" if current != "1" else "2")


def bring_up_new_release(world: World) -> None:
    """Build and roll out an image, without anything in the way."""
    world.releases += 1
    write_release(world.checkout, f"{world.releases}")
    world.checkout.up(STACK)


def kill_at(world: World, point: Point) -> None:
    """Start `pulumi up` and kill it, and all that is under it, at *point*."""
    held = world.hold(point) if point.action else ""
    with world.checkout.start(*PULUMI_UP) as process:
        output = Output(process)

        def is_there() -> bool:
            return world.faults.hits(held) > 0 if held else output.has(point.line)

        try:
            wait_until(lambda: is_there() or output.has_ended(), point.name, SECONDS_TO_REACH_A_POINT)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{output}") from error
        finally:
            if process.poll() is None:
                signal_tree(process.pid, signal.SIGKILL, with_builds=point.is_machine_lost)
            output.wait(SECONDS_TO_CLEAN_UP)
    assert process.returncode == -signal.SIGKILL, f"it ended before: {point.name}\n{output}"
    # The call of a Packer that is interrupted ends by that; one that goes on needs its answer.
    wait_until(lambda: not world.is_under_way(held) or world.packer_goes_on(), "what was killed is gone")
    world.faults.clear()


def kill_builds(checkout: Checkout) -> None:
    """Kill Packer and its supervisor, as a machine does that is switched off."""
    for pid in packers_of(checkout.folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
