"""Instance refresh through the API: every ending, and every refusal that AWS documents."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.auto_scaling.refresh_actions import FAILURE_SECONDS_VARIABLE
from tests.local_aws.auto_scaling.conftest import (
    Account,
    ScriptedLoadBalancing,
    ScriptedMachines,
    wait_until,
)


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code that *call* answers with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_good_version_replaces_every_instance_and_becomes_the_groups(account: Account) -> None:
    account.create_group()
    before = account.ids()

    refresh_id = account.start_refresh("2", AutoRollback=True)
    during = account.group()["LaunchTemplate"]["Version"]
    ended = account.wait_for_status("Successful")

    assert ended["InstanceRefreshId"] == refresh_id
    assert during == "1"
    assert account.group()["LaunchTemplate"]["Version"] == "2"
    assert account.versions() == ["2", "2"]
    assert not before & account.ids()
    assert account.targets() == account.ids()
    assert (ended["PercentageComplete"], ended["InstancesToUpdate"]) == (100, 0)
    assert isinstance(ended["EndTime"], datetime)
    assert ended["DesiredConfiguration"]["LaunchTemplate"] == {
        "LaunchTemplateId": account.template_id,
        "LaunchTemplateName": "web",
        "Version": "2",
    }
    assert ended["Preferences"] == {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": 150,
        "InstanceWarmup": 0,
        "SkipMatching": False,
        "AutoRollback": True,
        "ScaleInProtectedInstances": "Wait",
        "StandbyInstances": "Wait",
        "BakeTime": 0,
    }
    causes = [one["Cause"] for one in account.activities()]
    assert sum("launched in response to an instance refresh." in cause for cause in causes) == 2
    assert sum("taken out of service in response to an instance refresh." in cause for cause in causes) == 2


def test_skip_matching_leaves_matching_instances_and_ends_at_once(account: Account) -> None:
    account.create_group()
    before = account.ids()

    account.start_refresh("1", SkipMatching=True)
    account.wait_for_status("Successful")

    assert account.ids() == before


def test_without_a_desired_configuration_the_groups_own_is_launched_again(account: Account) -> None:
    account.create_group()
    before = account.ids()

    account.start_refresh(None)
    ended = account.wait_for_status("Successful")

    assert not before & account.ids()
    assert account.versions() == ["1", "1"]
    assert "DesiredConfiguration" not in ended


def test_a_bad_version_is_rolled_back_and_the_old_instances_serve_throughout(account: Account) -> None:
    ScriptedLoadBalancing.bad_versions.add("2")
    account.create_group()
    before = account.ids()

    account.start_refresh("2", AutoRollback=True)
    ended = account.wait_for_status("RollbackSuccessful")
    account.wait_for("web", 2)

    assert account.ids() == before
    assert account.versions() == ["1", "1"]
    assert account.group()["LaunchTemplate"]["Version"] == "1"
    reason = ended["RollbackDetails"]["RollbackReason"]
    assert reason.startswith("An automatic rollback was initiated because the instance refresh failed.")
    assert "Target.FailedHealthChecks: Health checks failed" in reason
    assert ended["RollbackDetails"]["InstancesToUpdateOnRollback"] == 2
    assert ended["PercentageComplete"] == 0


def test_a_bad_version_without_auto_rollback_fails(account: Account) -> None:
    ScriptedLoadBalancing.bad_versions.add("2")
    account.create_group()

    account.start_refresh("2")
    ended = account.wait_for_status("Failed")
    wait_until(lambda: account.versions() == ["1", "1"], "the group is as before")

    assert ended["StatusReason"].startswith("The instance refresh failed. No progress for 1 seconds.")
    assert "RollbackDetails" not in ended
    assert account.group()["LaunchTemplate"]["Version"] == "1"


def test_a_version_that_cannot_be_launched_fails_with_ec2s_error(account: Account) -> None:
    version = account.add_version("ami-0000000000000dead")
    account.create_group()

    account.start_refresh(version)
    ended = account.wait_for_status("Failed")

    assert "ami-0000000000000dead" in ended["StatusReason"]
    assert account.versions() == ["1", "1"]
    assert account.activities()[0]["StatusCode"] == "Failed"


def test_after_a_version_that_cannot_be_launched_the_old_one_is_launched_at_once(account: Account) -> None:
    account.create_group()
    account.start_refresh(account.add_version("ami-0000000000000dead"))
    account.wait_for_status("Failed")

    lost = account.instances()[0]["InstanceId"]
    account.ec2.terminate_instances(InstanceIds=[lost])
    began = time.monotonic()
    wait_until(lambda: lost not in account.ids() and len(account.versions()) == 2, "it is replaced")

    assert time.monotonic() - began < 2


def test_a_rollback_that_cannot_succeed_ends_in_rollback_failed(account: Account) -> None:
    account.create_group(DesiredCapacity=1)
    account.start_refresh(
        "2", AutoRollback=True, BakeTime=3600, MinHealthyPercentage=0, MaxHealthyPercentage=100
    )
    account.wait_for_status("Baking")

    ScriptedLoadBalancing.bad_versions.update({"1", "2"})
    account.scaling.rollback_instance_refresh(AutoScalingGroupName="web")
    ended = account.wait_for_status("RollbackFailed")

    assert ended["StatusReason"].startswith("The rollback failed.")
    assert ended["RollbackDetails"]["RollbackReason"] == "A manual rollback was initiated by a user."


def test_a_manual_rollback_replaces_what_was_deployed(account: Account) -> None:
    account.create_group()
    account.start_refresh("2", CheckpointPercentages=[50, 100], CheckpointDelay=3600)
    wait_until(lambda: account.refresh()["PercentageComplete"] == 50, "half of it")

    answer = account.scaling.rollback_instance_refresh(AutoScalingGroupName="web")
    ended = account.wait_for_status("RollbackSuccessful")

    assert answer["InstanceRefreshId"] == ended["InstanceRefreshId"]
    assert account.versions() == ["1", "1"]
    assert ended["RollbackDetails"]["PercentageCompleteOnRollback"] == 50


def test_a_cancelled_refresh_leaves_what_it_did(account: Account) -> None:
    account.create_group()
    account.start_refresh("2", CheckpointPercentages=[50, 100], CheckpointDelay=3600)
    wait_until(lambda: sorted(account.versions()) == ["1", "2"], "half of it")

    account.scaling.cancel_instance_refresh(AutoScalingGroupName="web")
    ended = account.wait_for_status("Cancelled")

    assert sorted(account.versions()) == ["1", "2"]
    assert account.group()["LaunchTemplate"]["Version"] == "1"
    assert ended["StatusReason"] == "Cancelled by user."


def test_cancelling_waits_for_the_launch_under_way_unless_told_not_to(account: Account) -> None:
    account.create_group()
    ScriptedMachines.is_slow = True
    account.start_refresh("2")
    wait_until(lambda: len(account.ids()) == 3, "one more is booting")

    account.scaling.cancel_instance_refresh(AutoScalingGroupName="web")
    waiting = account.refresh()["Status"]
    code = refusal(account.scaling.rollback_instance_refresh, AutoScalingGroupName="web")
    account.scaling.cancel_instance_refresh(AutoScalingGroupName="web", WaitForTransitioningInstances=False)

    assert waiting == "Cancelling"
    assert code == "ActiveInstanceRefreshNotFound"
    assert account.refresh()["Status"] == "Cancelled"


def test_a_checkpoint_is_said(account: Account) -> None:
    account.create_group()

    account.start_refresh("2", CheckpointPercentages=[50, 100], CheckpointDelay=3600)

    wait_until(
        lambda: account.refresh().get("StatusReason", "").startswith("Checkpoint of 50 percent reached."),
        "the checkpoint",
    )


def test_a_checkpoint_is_passed(account: Account) -> None:
    account.create_group()

    account.start_refresh("2", CheckpointPercentages=[50, 100], CheckpointDelay=1)
    account.wait_for_status("Successful")

    assert account.versions() == ["2", "2"]


def test_an_alarm_in_the_bake_time_rolls_back(account: Account) -> None:
    account.create_group()
    account.put_alarm("5xx")
    account.start_refresh("2", AutoRollback=True, BakeTime=3600, AlarmSpecification={"Alarms": ["5xx"]})
    account.wait_for_status("Baking")

    account.watch.set_alarm_state(AlarmName="5xx", StateValue="ALARM", StateReason="test")
    ended = account.wait_for_status("RollbackSuccessful")

    assert "CloudWatch alarm 5xx went into the ALARM state." in ended["RollbackDetails"]["RollbackReason"]
    assert account.versions() == ["1", "1"]


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_a_refresh_cannot_be_started_with_an_alarm_that_is_not_ok(account: Account, state: str) -> None:
    account.create_group()
    account.put_alarm("5xx")
    account.watch.set_alarm_state(AlarmName="5xx", StateValue=state, StateReason="test")

    with pytest.raises(ClientError, match=f"5xx is in the {state} state"):
        account.start_refresh("2", AlarmSpecification={"Alarms": ["5xx"]})


def test_a_machine_that_dies_meanwhile_is_replaced_by_the_new_version(account: Account) -> None:
    account.create_group(DesiredCapacity=3)
    account.start_refresh("2", CheckpointPercentages=[30, 100], CheckpointDelay=2)
    wait_until(lambda: "2" in account.versions(), "the first replacement")

    newest = next(one for one in account.instances() if one["LaunchTemplate"]["Version"] == "2")
    account.ec2.terminate_instances(InstanceIds=[newest["InstanceId"]])
    account.wait_for_status("Successful")

    assert account.versions() == ["2"] * 3


def test_capacity_asked_for_meanwhile_comes_with_the_new_version(account: Account) -> None:
    account.create_group()
    account.start_refresh("2", CheckpointPercentages=[50, 100], CheckpointDelay=1)

    account.scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    account.wait_for_status("Successful")
    account.wait_for("web", 4)

    assert account.versions() == ["2"] * 4


def test_protected_instances_are_waited_for(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FAILURE_SECONDS_VARIABLE, "60")
    account.create_group(NewInstancesProtectedFromScaleIn=True)
    members = sorted(account.ids())

    account.start_refresh("2")
    wait_until(
        lambda: "is protected from scale in" in account.refresh().get("StatusReason", ""), "it says so"
    )
    account.scaling.set_instance_protection(
        AutoScalingGroupName="web", InstanceIds=members, ProtectedFromScaleIn=False
    )
    account.wait_for_status("Successful")

    assert account.versions() == ["2", "2"]


def test_one_refresh_at_a_time(account: Account) -> None:
    account.create_group()
    account.start_refresh("2", BakeTime=3600)

    assert refusal(account.start_refresh, version="2") == "InstanceRefreshInProgress"


def test_the_launch_template_cannot_be_changed_while_a_desired_configuration_is_rolled_out(
    account: Account,
) -> None:
    account.create_group()
    account.start_refresh("2", BakeTime=3600)

    code = refusal(
        account.scaling.update_auto_scaling_group,
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"},
    )

    assert code == "ValidationError"


@pytest.mark.parametrize("version", ["$Latest", "$Default"])
def test_no_way_back_to_a_version_that_is_no_number(account: Account, version: str) -> None:
    account.create_group(LaunchTemplate={"LaunchTemplateName": "web", "Version": version})

    automatic = refusal(account.start_refresh, version="2", AutoRollback=True)
    account.start_refresh("2", BakeTime=3600)
    by_hand = refusal(account.scaling.rollback_instance_refresh, AutoScalingGroupName="web")

    assert (automatic, by_hand) == ("ValidationError", "IrreversibleInstanceRefresh")


def test_no_way_back_without_a_desired_configuration(account: Account) -> None:
    account.create_group()

    automatic = refusal(account.start_refresh, version=None, AutoRollback=True)
    account.start_refresh(None, BakeTime=3600)
    by_hand = refusal(account.scaling.rollback_instance_refresh, AutoScalingGroupName="web")

    assert (automatic, by_hand) == ("ValidationError", "IrreversibleInstanceRefresh")


def test_nothing_to_cancel_or_roll_back(account: Account) -> None:
    account.create_group()

    for call in (account.scaling.cancel_instance_refresh, account.scaling.rollback_instance_refresh):
        assert refusal(call, AutoScalingGroupName="web") == "ActiveInstanceRefreshNotFound"


@pytest.mark.parametrize(
    "changes",
    [
        {"AutoScalingGroupName": "nobody"},
        {"Strategy": "ReplaceRootVolume"},
        {"Preferences": {"MaxHealthyPercentage": 110}},
        {"Preferences": {"AlarmSpecification": {"Alarms": ["nobody"]}}},
        {"DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "99"}}},
        {"DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateName": "nobody", "Version": "1"}}},
    ],
)
def test_a_wrong_request_is_a_validation_error(account: Account, changes: dict[str, Any]) -> None:
    account.create_group()
    request = {"AutoScalingGroupName": "web", **changes}

    assert refusal(account.scaling.start_instance_refresh, **request) == "ValidationError"


def test_refreshes_are_described_newest_first_and_in_pages(account: Account) -> None:
    account.create_group()
    started = []
    for _ in range(3):
        started.append(account.start_refresh("1", SkipMatching=True))
        account.wait_for_status("Successful")

    describe = account.scaling.describe_instance_refreshes
    first = describe(AutoScalingGroupName="web", MaxRecords=2)
    second = describe(AutoScalingGroupName="web", MaxRecords=2, NextToken=first["NextToken"])
    one = describe(AutoScalingGroupName="web", InstanceRefreshIds=[started[0]])

    pages = [*first["InstanceRefreshes"], *second["InstanceRefreshes"]]
    assert [refresh["InstanceRefreshId"] for refresh in pages] == started[::-1]
    assert "NextToken" not in second
    assert [refresh["InstanceRefreshId"] for refresh in one["InstanceRefreshes"]] == [started[0]]
    assert refusal(describe, AutoScalingGroupName="web", NextToken="no") == "InvalidNextToken"
    assert refusal(describe, AutoScalingGroupName="nobody") == "ValidationError"


def test_the_warm_up_defaults_to_the_groups_default_warm_up_then_to_its_grace_period(
    account: Account,
) -> None:
    account.create_group("warm", DefaultInstanceWarmup=7, HealthCheckGracePeriod=3)
    account.create_group("graced", HealthCheckGracePeriod=3)

    warmups = []
    for name in ("warm", "graced"):
        account.scaling.start_instance_refresh(AutoScalingGroupName=name)
        warmups.append(account.refresh(name)["Preferences"]["InstanceWarmup"])

    assert warmups == [7, 3]
