"""The life of an InstanceRefresh: what starts a rollout, what is recorded, and what is not."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pulumi.dynamic.dynamic import serialize_provider

from infra.rollout import provider as provider_module
from infra.rollout.errors import RefreshInProgressError, RolloutError
from infra.rollout.provider import InstanceRefreshProvider
from infra.rollout.rolling import Outcome, Rollout
from tests.infra.rollout.worlds import NEW_AMI, OLD_AMI, Moment, ScriptedRefreshes, group, instance, refresh

INPUTS: dict[str, Any] = {
    "region": "us-east-1",
    "auto_scaling_group_name": "web",
    "launch_template_id": "lt-1",
    "launch_template_version": "2",
    "ami_id": NEW_AMI,
    "min_healthy_percentage": 100,
    "max_healthy_percentage": 150,
    "instance_warmup_seconds": 60,
    "skip_matching": True,
    "auto_rollback": True,
    "timeout_minutes": 60,
}
STATE = {**INPUTS, "status": "Successful", "refresh_id": "r-0", "instances": 2, "__provider": "x"}
PROVIDER = InstanceRefreshProvider()


@pytest.fixture
def rollouts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rollouts that were run; each succeeds at once."""
    ran: list[Any] = []

    def run(rollout: Any) -> Outcome:
        ran.append(rollout)
        return Outcome(refresh_id="r-1", instances=3)

    monkeypatch.setattr(Rollout, "run", run)
    monkeypatch.setattr(provider_module, "Refreshes", lambda _region, **_options: None)
    return ran


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Make AWS show this to whoever looks."""

    def make(aws: Any) -> None:
        monkeypatch.setattr(provider_module, "Refreshes", lambda _region, **_options: aws)

    return make


def test_the_state_refers_to_the_provider_and_does_not_hold_its_code() -> None:
    stored = serialize_provider(PROVIDER)

    assert len(stored) < 120
    assert isinstance(pickle.loads(base64.b64decode(stored)), InstanceRefreshProvider)


@pytest.mark.parametrize("version", ["$Latest", "$Default", "latest", ""])
def test_a_version_that_is_no_number_is_refused(version: str) -> None:
    result = PROVIDER.check({}, {**INPUTS, "launch_template_version": version})

    assert [failure.property for failure in result.failures] == ["launch_template_version"]
    assert repr(version) in result.failures[0].reason


def test_a_version_that_is_not_known_yet_is_not_judged() -> None:
    assert not PROVIDER.check({}, {**INPUTS, "launch_template_version": object()}).failures


def test_nothing_changes_when_no_input_changed() -> None:
    assert not PROVIDER.diff("web", STATE, INPUTS).changes


@pytest.mark.parametrize(
    "changed",
    [{"launch_template_version": "3"}, {"ami_id": OLD_AMI}, {"launch_template_id": "lt-2"}],
)
def test_another_target_is_a_change_and_the_plan_is_said_before_it_happens(
    changed: dict[str, Any], show: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    show(ScriptedRefreshes([Moment(group=group(instance("a"), instance("b")))]))

    result = PROVIDER.diff("web", STATE, {**INPUTS, **changed})

    assert result.changes
    assert not result.replaces
    assert capsys.readouterr().out == (
        "rollout of web: 2 instances, one extra at a time, never fewer than 2\n"
    )


def test_a_preview_goes_on_when_aws_cannot_be_asked_how_large_the_group_is(
    show: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    class Unreachable:
        def find_group(self, _name: str) -> None:
            raise EndpointConnectionError(endpoint_url="https://autoscaling")

    show(Unreachable())

    assert PROVIDER.diff("web", STATE, {**INPUTS, "ami_id": OLD_AMI}).changes
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("key", ["min_healthy_percentage", "bake_time_seconds", "timeout_minutes"])
def test_another_preference_is_a_change_that_rolls_nothing_and_keeps_the_outputs(
    key: str, rollouts: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    news = {**INPUTS, key: 7}

    assert PROVIDER.diff("web", STATE, news).changes
    outs = PROVIDER.update("web", STATE, news).outs

    assert outs == {**news, "status": "Successful", "refresh_id": "r-0", "instances": 2}
    assert rollouts == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("key", ["auto_scaling_group_name", "region"])
def test_another_group_is_another_rollout(key: str) -> None:
    assert PROVIDER.diff("web", STATE, {**INPUTS, key: "other"}).replaces == [key]


def test_an_image_that_no_instance_ran_is_looked_for_again(
    rollouts: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert PROVIDER.diff("web", {**STATE, "instances": 0}, INPUTS).changes
    assert f"rollout of web: no instance ran {NEW_AMI}, " in capsys.readouterr().out
    PROVIDER.update("web", {**STATE, "instances": 0}, INPUTS)
    assert len(rollouts) == 1


def test_a_rollout_is_recorded_with_its_refresh_and_the_number_of_instances(rollouts: list[Any]) -> None:
    result = PROVIDER.create(INPUTS)

    assert result.id == "web"
    assert result.outs == {**INPUTS, "status": "Successful", "refresh_id": "r-1", "instances": 3}
    (rollout,) = rollouts
    assert (rollout.group_name, rollout.target.launch_template_version) == ("web", "2")
    assert rollout.timeout_seconds == 3600
    assert rollout.preferences.to_request() == {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 150,
        "InstanceWarmup": 60,
        "SkipMatching": True,
        "AutoRollback": True,
    }


def test_another_target_is_rolled_out_and_its_outputs_are_new(rollouts: list[Any]) -> None:
    news = {**INPUTS, "launch_template_version": "3"}

    outs = PROVIDER.update("web", STATE, news).outs

    assert outs == {**news, "status": "Successful", "refresh_id": "r-1", "instances": 3}
    assert len(rollouts) == 1


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (RefreshInProgressError("r-9 is running"), RefreshInProgressError, "r-9 is running"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "not\nyou"}}, "StartInstanceRefresh"),
            RolloutError,
            "AccessDenied",
        ),
        (EndpointConnectionError(endpoint_url="https://autoscaling"), RolloutError, "https://autoscaling"),
    ],
)
def test_a_failure_is_raised_in_one_line_with_its_cause_so_that_nothing_is_recorded(
    raised: Exception, kind: type[Exception], words: str, rollouts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_rollout: Any) -> Outcome:
        raise raised

    monkeypatch.setattr(Rollout, "run", fail)

    with pytest.raises(kind, match=words) as failure:
        PROVIDER.create(INPUTS)

    assert rollouts == []
    assert "\n" not in str(failure.value)
    assert failure.value.__suppress_context__


def test_a_refresh_of_the_state_finds_a_group_that_was_moved(show: Callable[[Any], None]) -> None:
    show(ScriptedRefreshes([Moment(group=group(version="1"))]))

    result = PROVIDER.read("web", STATE)

    assert result.outs == {**STATE, "launch_template_version": "1", "ami_id": OLD_AMI}
    assert PROVIDER.diff("web", result.outs, INPUTS).changes


def test_a_refresh_of_the_state_finds_a_group_that_was_moved_to_the_same_version_of_another_template(
    show: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = ScriptedRefreshes([Moment(group=replace(group(version="2"), launch_template_id="lt-2"))])
    monkeypatch.setattr(aws, "find_ami_of_version", lambda template, _version: f"ami-of-{template}")
    show(aws)

    result = PROVIDER.read("web", STATE)

    assert result.outs == {**STATE, "launch_template_id": "lt-2", "ami_id": "ami-of-lt-2"}
    assert PROVIDER.diff("web", result.outs, INPUTS).changes


def test_a_refresh_of_the_state_leaves_a_group_that_was_not_moved(show: Callable[[Any], None]) -> None:
    show(ScriptedRefreshes([Moment(group=group(version="2"))]))

    assert PROVIDER.read("web", STATE).outs == STATE


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (
            Moment(group=group(instance("a"), instance("b", "1"))),
            f"rollout: 1 instances of web are not on {NEW_AMI} now, among them i-b with {OLD_AMI}",
        ),
        (
            Moment(
                group=group(instance("a"), instance("b")),
                refresh=refresh("InProgress", 20, launch_template_version="7"),
            ),
            "rollout: refresh r-1 takes web to launch template version 7 now (InProgress, 20 %",
        ),
    ],
)
def test_a_group_that_is_not_wholly_on_the_recorded_version_is_said_and_rolled_out_by_the_next_up(
    moment: Moment,
    words: str,
    show: Callable[[Any], None],
    rollouts: list[Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(ScriptedRefreshes([moment]))

    read = PROVIDER.read("web", STATE).outs

    assert read == {**STATE, "status": "Drifted"}
    assert words in capsys.readouterr().out
    assert PROVIDER.diff("web", read, INPUTS).changes
    assert "rollout of web: 2 instances, one extra at a time" in capsys.readouterr().out
    assert (PROVIDER.update("web", read, INPUTS).outs or {})["status"] == "Successful"
    assert len(rollouts) == 1


@pytest.mark.parametrize(
    "moment",
    [
        Moment(group=group(instance("a"), instance("b")), refresh=refresh("Baking", 100)),
        Moment(group=group(instance("a"), instance("b", "1", lifecycle_state="Terminating"))),
    ],
)
def test_a_refresh_of_the_state_that_finds_the_group_arrived_again_forgets_that_it_had_left(
    moment: Moment, show: Callable[[Any], None]
) -> None:
    show(ScriptedRefreshes([moment]))

    assert PROVIDER.read("web", {**STATE, "status": "Drifted"}).outs == STATE


def test_a_list_that_is_empty_is_no_other_than_one_that_is_not_there() -> None:
    assert not PROVIDER.diff(
        "web", STATE, {**INPUTS, "checkpoint_percentages": [], "alarm_names": []}
    ).changes


def test_a_refresh_of_the_state_announces_no_rollout(
    show: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    show(ScriptedRefreshes([Moment(group=group(version="1"))]))

    PROVIDER.diff("web", STATE, {**STATE, "launch_template_version": "1"})

    assert capsys.readouterr().out == ""


def test_a_refresh_of_the_state_forgets_the_rollout_of_a_group_that_is_gone(
    show: Callable[[Any], None],
) -> None:
    class Gone:
        def find_group(self, _name: str) -> None:
            return None

    show(Gone())

    result = PROVIDER.read("web", STATE)

    assert (result.id, result.outs) == ("", {})


def test_deletion_asks_nothing_of_aws(show: Callable[[Any], None]) -> None:
    show(None)

    PROVIDER.delete("web", STATE)
