"""The rollout against the local AWS's own Auto Scaling, over HTTP: health is scripted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

from infra.rollout.errors import RefreshInProgressError, RolloutError
from infra.rollout.patience import Patience
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.rolling import Outcome, Rollout
from infra.rollout.values import Target
from local_aws.auto_scaling.refresh_actions import FAILURE_SECONDS_VARIABLE
from local_aws.home import REGION
from tests.local_aws.auto_scaling.conftest import (
    Account,
    ScriptedLoadBalancing,
    account,
    endpoint_url,
    wait_until,
)

__all__ = ["account", "endpoint_url"]

QUICK = Preferences(
    min_healthy_percentage=100,
    max_healthy_percentage=150,
    instance_warmup_seconds=0,
    skip_matching=True,
    auto_rollback=True,
    standby_instances="Wait",
    scale_in_protected_instances="Wait",
)


class World:
    """A group of two, and rollouts of it to the launch template's second version."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.said: list[str] = []
        patience = Patience(seconds=60, say=self.said.append)
        self.refreshes = Refreshes(REGION, patience=patience)
        self._threads = ThreadPoolExecutor(max_workers=1)

    def rollout(self, preferences: Preferences = QUICK, on_refresh_in_progress: str = "fail") -> Rollout:
        """One that has not begun."""
        return Rollout(
            refreshes=self.refreshes,
            group_name="web",
            target=Target(
                launch_template_id=self.account.template_id,
                launch_template_version="2",
                ami_id=self.account.image_id,
            ),
            preferences=preferences,
            on_refresh_in_progress=on_refresh_in_progress,
            timeout_seconds=60,
            say=self.said.append,
        )

    def begin(self, rollout: Rollout) -> Future[Outcome]:
        """Run it beside the test."""
        return self._threads.submit(rollout.run)

    def has_said(self, words: str) -> Callable[[], bool]:
        """Whether a line had these words."""
        return lambda: any(words in line for line in list(self.said))

    def close(self) -> None:
        """Wait for what was begun."""
        self._threads.shutdown()


@pytest.fixture
def world(account: Account, endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "0.2")
    account.create_group()
    made = World(account)
    try:
        yield made
    finally:
        made.close()


def test_checkpoints_and_bake_time_are_told_with_when_they_end(world: World) -> None:
    preferences = Preferences(
        **{
            **vars(QUICK),
            "checkpoint_percentages": (50, 100),
            "checkpoint_delay_seconds": 5,
            "bake_time_seconds": 5,
        }
    )

    outcome = world.rollout(preferences).run()

    refresh = world.account.refresh()
    assert outcome == Outcome(refresh_id=refresh["InstanceRefreshId"], instances=2)
    assert world.account.versions() == ["2", "2"]
    story = "\n".join(world.said)
    assert "pauses 5 s at 50 % (1 of them new); bakes 5 s" in world.said[0]
    assert "InProgress, 50 %, 1 of 2 instances replaced; checkpoint of 50 % reached, waiting until " in story
    assert "Baking, 100 %, 2 of 2 instances replaced; baking until " in story
    assert len(world.said) < 20


def test_a_group_is_brought_to_another_launch_template_though_its_version_has_the_same_number(
    world: World,
) -> None:
    account = world.account
    made_anew = account.make_template("made-anew")

    target = Target(launch_template_id=made_anew, launch_template_version="1", ami_id=account.image_id)
    outcome = replace(world.rollout(), target=target).run()

    assert outcome.refresh_id is not None
    assert world.refreshes.require_group("web").launch_template_id == made_anew


def test_an_instance_in_standby_is_waited_for_by_name_until_it_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FAILURE_SECONDS_VARIABLE, "60")
    held = sorted(world.account.ids())[0]
    world.account.scaling.enter_standby(
        AutoScalingGroupName="web", InstanceIds=[held], ShouldDecrementDesiredCapacity=True
    )

    running = world.begin(world.rollout())
    wait_until(world.has_said(f"waits for {held}, which is in standby"), "the name of who is waited for")
    assert not running.done()
    world.account.scaling.exit_standby(AutoScalingGroupName="web", InstanceIds=[held])

    assert running.result(60).instances == 2
    assert world.account.versions() == ["2", "2"]


def test_somebody_elses_refresh_is_cancelled_and_ours_brings_the_group_to_the_target(world: World) -> None:
    version = world.account.add_version(world.account.image_id)
    other = world.account.start_refresh(version, BakeTime=3600)
    wait_until(lambda: world.account.refresh()["Status"] == "Baking", "the other refresh bakes")

    with pytest.raises(RefreshInProgressError, match=other):
        world.rollout().run()
    outcome = world.rollout(on_refresh_in_progress="cancel").run()

    ended = {one.refresh_id: one.status for one in world.refreshes.history("web")}
    assert ended == {other: "Cancelled", outcome.refresh_id: "Successful"}
    assert world.account.versions() == ["2", "2"]


def test_somebody_elses_refresh_is_waited_for(world: World) -> None:
    version = world.account.add_version(world.account.image_id)
    other = world.account.start_refresh(version, BakeTime=3600)
    wait_until(lambda: world.account.refresh()["Status"] == "Baking", "the other refresh bakes")

    running = world.begin(world.rollout(on_refresh_in_progress="wait"))
    line = f"waits for refresh {other} to launch template version {version} to end"
    wait_until(world.has_said(line), "whom it waits for")
    assert not running.done()
    world.account.scaling.cancel_instance_refresh(AutoScalingGroupName="web")
    outcome = running.result(60)

    assert [one.refresh_id for one in world.refreshes.history("web")] == [outcome.refresh_id, other]
    assert world.account.versions() == ["2", "2"]


def test_a_bad_image_is_rolled_back_and_the_failing_instance_and_its_health_are_named(world: World) -> None:
    ScriptedLoadBalancing.bad_versions.add("2")

    with pytest.raises(RolloutError) as failure:
        world.rollout().run()

    message = str(failure.value)
    assert "\n" not in message
    assert "ended RollbackSuccessful: " in message
    assert "; first failing instance i-" in message
    assert ": unhealthy (Target.FailedHealthChecks: Health checks failed)" in message
    assert world.account.versions() == ["1", "1"]


class Outage:
    """Answers all requests of some clients for a while with throttling, 5xx and dropped connections."""

    def __init__(self, refreshes: Refreshes) -> None:
        self.until = 0.0
        self.refused = 0
        self._lock = threading.Lock()
        for client in (refreshes._auto_scaling, refreshes._load_balancing, refreshes._ec2):
            client.meta.events.register("before-send", self._answer)

    def _answer(self, request: Any, **_unused: Any) -> AWSResponse | None:
        with self._lock:
            if time.monotonic() >= self.until:
                return None
            self.refused += 1
            kind = self.refused % 3
        if kind == 0:
            raise ConnectionClosedError(endpoint_url=request.url)
        code, status = [("", 0), ("Throttling", 400), ("InternalFailure", 500)][kind]
        body = (
            f"<ErrorResponse><Error><Code>{code}</Code><Message>Slow down</Message></Error></ErrorResponse>"
        )
        return AWSResponse(request.url, status, HTTPHeaders(), _Body(body.encode()))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_unused: Any) -> Iterator[bytes]:
        yield self._content


def test_an_outage_in_the_middle_is_waited_out_and_said_and_no_second_refresh_is_made(world: World) -> None:
    outage = Outage(world.refreshes)
    preferences = Preferences(**{**vars(QUICK), "bake_time_seconds": 2})
    running = world.begin(world.rollout(preferences))
    wait_until(world.has_said(" started: "), "the refresh has started")

    outage.until = float("inf")
    wait_until(world.has_said("asking again"), "the outage is said")
    outage.until = 0.0
    outcome = running.result(60)

    assert outage.refused >= 3
    assert outcome.instances == 2
    assert len(world.refreshes.history("web")) == 1
    assert world.has_said("AWS answers again after")()


def test_a_start_whose_answer_was_lost_makes_one_refresh_which_is_adopted(world: World) -> None:
    start = world.refreshes._auto_scaling.start_instance_refresh

    def start_and_lose_the_answer(**request: Any) -> None:
        start(**request)
        raise ConnectionClosedError(endpoint_url="https://autoscaling")

    world.refreshes._auto_scaling.start_instance_refresh = start_and_lose_the_answer

    outcome = world.rollout().run()

    (only,) = world.refreshes.history("web")
    assert outcome == Outcome(refresh_id=only.refresh_id, instances=2)
