"""`status`, against Auto Scaling with instance refreshes: health is scripted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from image_builder.registry.groups import Refresh
from local_aws.home import REGION
from tests.local_aws.auto_scaling.conftest import (
    Account,
    ScriptedLoadBalancing,
    account,
    ask_only,
    endpoint_url,
)

__all__ = ["account", "endpoint_url"]
TAGS = [
    {"Key": key, "Value": value, "PropagateAtLaunch": False}
    for key, value in {"Project": "shop", "Stack": "dev"}.items()
]
ReadJson = Callable[[], list[dict[str, object]]]


@pytest.fixture(autouse=True)
def _environment(account: Account, endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert account.image_id
    ask_only(endpoint_url, monkeypatch)


@pytest.fixture
def status(capsys: pytest.CaptureFixture[str]) -> ReadJson:
    """What the command says to programs."""

    def read() -> list[dict[str, object]]:
        assert main(["status", "--project", "shop", "--json"]) == Exit.DONE
        told: list[dict[str, object]] = json.loads(capsys.readouterr().out)
        return told

    return read


def test_every_group_of_the_project_and_no_other_is_told(account: Account, status: ReadJson) -> None:
    account.create_group("web", Tags=TAGS)
    account.create_group("other", DesiredCapacity=1, Tags=[{**TAGS[0], "Value": "blog"}, TAGS[1]])

    (group,) = status()

    assert (group["group"], group["stack"], group["desired_capacity"]) == ("web", "dev", 2)
    assert isinstance(group["image"], dict)
    assert group["image"]["ami_id"] == account.image_id
    assert (group["on_target"], group["off_target"], group["rollouts"]) == (2, {}, [])


def test_instances_that_run_another_image_are_off_target(account: Account, status: ReadJson) -> None:
    account.create_group("web", Tags=TAGS)
    other = sorted(account.machines.amis)[-1]
    version = account.add_version(other)
    template = {"LaunchTemplateId": account.template_id, "Version": version}
    account.scaling.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate=template)

    (group,) = status()

    assert (group["on_target"], group["off_target"]) == (0, {account.image_id: 2})


def test_rollouts_are_told_with_their_ends_newest_first(account: Account, status: ReadJson) -> None:
    account.create_group("web", Tags=TAGS)
    account.start_refresh("2")
    account.wait_for_status("Successful")
    ScriptedLoadBalancing.bad_versions.add(account.add_version(account.image_id))
    account.start_refresh("3")
    account.wait_for_status("Failed")

    (group,) = status()

    rollouts = group["rollouts"]
    assert isinstance(rollouts, list)
    assert [one["status"] for one in rollouts] == ["Failed", "Successful"]
    assert rollouts[0]["reason"]
    assert [one["ami_id"] for one in rollouts] == [account.image_id, account.image_id]
    assert all(one["started_at"] <= one["ended_at"] for one in rollouts)


def test_the_project_is_the_one_of_this_folder(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == Exit.FAILED
    assert capsys.readouterr().err.startswith("Pulumi.yaml names no project")
    account.create_group("web", Tags=TAGS)
    (tmp_path / "Pulumi.yaml").write_text('description: a shop\nname: "shop" # ours\n')

    assert main(["status"]) == Exit.DONE

    printed = capsys.readouterr().out
    assert printed.startswith("web (stack dev)\n")
    assert "  instances  2 on the image, 2 desired\n" in printed
    assert printed.endswith(f"{REGION}: 1 group of shop\n")


def test_a_rollout_s_line_says_how_it_ended_and_why() -> None:
    refresh = Refresh(
        refresh_id="1",
        status="RollbackSuccessful",
        reason="alarm",
        started_at="2026-11-23T10:00:00Z",
        ended_at="2026-11-23T10:04:10Z",
        ami_id="ami-00000000000000001",
    )

    assert refresh.line == "RollbackSuccessful after 4 min: alarm"
