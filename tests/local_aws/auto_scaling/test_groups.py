"""Groups through the API: launched, kept, scaled, updated, deleted."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.elbv2.models import elbv2_backends

from local_aws.home import ACCOUNT_ID, REGION
from tests.local_aws.auto_scaling.conftest import (
    Account,
    ScriptedLoadBalancing,
    ScriptedMachines,
    wait_until,
)


def refused(call: Any, **arguments: Any) -> str:
    """The code and message of the error that *call* answers with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_a_group_launches_over_its_zones_with_its_template_and_tags(account: Account) -> None:
    tag = {"Key": "Stack", "Value": "dev", "PropagateAtLaunch": True, "ResourceId": "web"}

    account.create_group(DesiredCapacity=4, Tags=[{**tag, "ResourceType": "auto-scaling-group"}])

    instances = account.instances()
    zones = [one["AvailabilityZone"] for one in instances]
    assert sorted(zones.count(zone) for zone in set(zones)) == [2, 2]
    assert {one["HealthStatus"] for one in instances} == {"Healthy"}
    assert account.versions() == ["1"] * 4
    described = account.ec2.describe_instances(InstanceIds=[instances[0]["InstanceId"]])
    told = {tag["Key"]: tag["Value"] for tag in described["Reservations"][0]["Instances"][0]["Tags"]}
    assert told["Stack"] == "dev"
    assert told["Role"] == "web"
    assert told["aws:autoscaling:groupName"] == "web"
    assert account.targets() == account.ids()


def test_an_instance_is_pending_until_its_machine_runs(account: Account) -> None:
    ScriptedMachines.is_slow = True
    account.create_group()
    wait_until(lambda: len(account.instances()) == 2, "two instances")

    states = {one["LifecycleState"] for one in account.instances()}
    activity = account.activities()[0]
    account.machines.boot()  # type: ignore[attr-defined]
    account.wait_for("web", 2)

    assert states == {"Pending"}
    assert activity["StatusCode"] == "PreInService"
    assert {one["StatusCode"] for one in account.activities()} == {"Successful"}
    assert account.activities()[0]["Cause"].endswith(
        "an instance was started in response to a difference between desired and actual capacity, "
        "increasing the capacity from 0 to 2."
    )


def test_a_machine_that_dies_while_it_boots_is_a_failed_launch(account: Account) -> None:
    ScriptedMachines.is_slow = True
    account.create_group(DesiredCapacity=1)
    wait_until(lambda: len(account.instances()) == 1, "one instance")
    ScriptedMachines.is_slow = False

    instance = account.machines.get_instance(account.instances()[0]["InstanceId"])
    instance._state.name, instance._state.code = "terminated", 48
    account.wait_for("web", 1)

    failed = [one for one in account.activities() if one["StatusCode"] == "Failed"]
    assert failed[0]["Description"] == f"Launching a new EC2 instance: {instance.id}"
    assert failed[0]["StatusMessage"].startswith("Instance became unhealthy while waiting for instance to be")


def test_a_new_template_version_does_not_touch_running_instances(account: Account) -> None:
    account.create_group()
    before = account.ids()

    account.scaling.update_auto_scaling_group(
        AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateId": account.template_id, "Version": "2"}
    )
    account.scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    account.wait_for("web", 3)

    assert before < account.ids()
    assert sorted(account.versions()) == ["1", "1", "2"]
    assert account.group()["LaunchTemplate"]["Version"] == "2"


@pytest.mark.parametrize(("version", "expected"), [("$Latest", "2"), ("$Default", "1")])
def test_latest_and_default_mean_the_version_at_launch(account: Account, version: str, expected: str) -> None:
    account.create_group(LaunchTemplate={"LaunchTemplateName": "web", "Version": version})

    assert account.group()["LaunchTemplate"]["Version"] == version
    assert account.versions() == [expected] * 2


def test_scale_in_drains_before_it_terminates(account: Account) -> None:
    account.create_group()
    ScriptedLoadBalancing.draining.update(account.ids())

    account.scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    wait_until(lambda: len(account.targets()) == 1, "one target deregistered")
    (leaving,) = [one for one in account.instances() if one["LifecycleState"] == "Terminating"]
    state = account.machines.get_instance(leaving["InstanceId"]).state
    activity = account.activities()[0]
    ScriptedLoadBalancing.draining.clear()
    account.wait_for("web", 1)

    assert state == "running"
    assert activity["StatusCode"] == "WaitingForELBConnectionDraining"
    assert "shrinking the capacity from 2 to 1" in account.activities()[0]["Cause"]
    assert account.machines.get_instance(leaving["InstanceId"]).state == "terminated"


def test_a_terminated_instance_is_replaced(account: Account) -> None:
    account.create_group()
    lost = account.instances()[0]["InstanceId"]

    account.ec2.terminate_instances(InstanceIds=[lost])
    wait_until(lambda: lost not in account.ids(), "the lost instance is forgotten")
    account.wait_for("web", 2)

    causes = " ".join(one["Cause"] for one in account.activities())
    assert "in response to an EC2 health check indicating it has been terminated or stopped." in causes
    assert "launched in response to an unhealthy instance needing to be replaced." in causes


def test_an_instance_with_an_unhealthy_target_is_replaced(account: Account) -> None:
    account.create_group()
    ill = account.instances()[0]["InstanceId"]

    ScriptedLoadBalancing.verdicts[ill] = "unhealthy"
    wait_until(lambda: ill not in account.ids(), "the ill instance is replaced")
    account.wait_for("web", 2)

    ended = next(one for one in account.activities() if one["Description"].startswith("Terminating"))
    assert ended["Cause"].endswith("in response to an ELB system health check failure.")
    assert "Target.FailedHealthChecks" in ended["Details"]


def test_health_status_is_shown_and_the_callers_word_is_taken(account: Account) -> None:
    account.create_group()
    ill = account.instances()[0]["InstanceId"]
    account.scaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["ReplaceUnhealthy"])

    account.scaling.set_instance_health(InstanceId=ill, HealthStatus="Unhealthy")
    shown = {one["InstanceId"]: one["HealthStatus"] for one in account.instances()}
    account.scaling.resume_processes(AutoScalingGroupName="web", ScalingProcesses=["ReplaceUnhealthy"])
    wait_until(lambda: ill not in account.ids(), "the ill instance is replaced")

    assert shown[ill] == "Unhealthy"
    assert any("in response to a user health-check." in one["Cause"] for one in account.activities())


def test_the_callers_word_respects_the_grace_period(account: Account) -> None:
    account.create_group(HealthCheckGracePeriod=3600)
    young = account.instances()[0]["InstanceId"]

    account.scaling.set_instance_health(InstanceId=young, HealthStatus="Unhealthy")
    respected = {one["HealthStatus"] for one in account.instances()}
    account.scaling.set_instance_health(
        InstanceId=young, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
    )
    wait_until(lambda: young not in account.ids(), "the instance is replaced")

    assert respected == {"Healthy"}


def test_a_launch_that_ec2_refuses_is_a_failed_activity_with_its_error(account: Account) -> None:
    version = account.add_version("ami-0000000000000dead")
    account.scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        MinSize=1,
        MaxSize=1,
        LaunchTemplate={"LaunchTemplateId": account.template_id, "Version": version},
        VPCZoneIdentifier=account.subnet_ids[0],
    )
    wait_until(account.activities, "an activity")

    (first, *_) = account.activities()
    assert first["StatusCode"] == "Failed"
    assert "ami-0000000000000dead" in first["StatusMessage"]
    assert first["StatusMessage"].endswith("does not exist. Launching EC2 instance failed.")
    assert first["Description"] == f"Launching a new EC2 instance.  Status Reason: {first['StatusMessage']}"
    assert account.instances() == []


def test_terminate_instance_replaces_it_or_shrinks_the_group(account: Account) -> None:
    account.create_group()
    first, second = sorted(account.ids())

    answer = account.scaling.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=False
    )
    wait_until(lambda: first not in account.ids(), "the first is gone")
    account.wait_for("web", 2)
    account.scaling.terminate_instance_in_auto_scaling_group(
        InstanceId=second, ShouldDecrementDesiredCapacity=True
    )
    wait_until(lambda: second not in account.ids(), "the second is gone")
    account.wait_for("web", 1)

    assert answer["Activity"]["Description"].startswith(f"Terminating EC2 instance: {first}")
    assert account.group()["DesiredCapacity"] == 1


def test_a_detached_instance_lives_on_outside_the_group(account: Account) -> None:
    account.create_group()
    leaving = account.instances()[0]["InstanceId"]

    account.scaling.detach_instances(
        AutoScalingGroupName="web", InstanceIds=[leaving], ShouldDecrementDesiredCapacity=True
    )

    assert leaving not in account.ids()
    assert leaving not in account.targets()
    assert account.machines.get_instance(leaving).state == "running"
    assert account.group()["DesiredCapacity"] == 1


def test_an_attached_instance_becomes_a_member(account: Account) -> None:
    account.create_group()
    made = account.ec2.run_instances(ImageId=account.image_id, MinCount=1, MaxCount=1)
    joining = made["Instances"][0]["InstanceId"]

    account.scaling.attach_instances(AutoScalingGroupName="web", InstanceIds=[joining])
    account.wait_for("web", 3)

    assert joining in account.targets()
    assert account.group()["DesiredCapacity"] == 3


def test_standby_takes_an_instance_out_of_service_and_back(account: Account) -> None:
    account.create_group()
    resting = account.instances()[0]["InstanceId"]

    account.scaling.enter_standby(
        AutoScalingGroupName="web", InstanceIds=[resting], ShouldDecrementDesiredCapacity=True
    )
    wait_until(lambda: resting not in account.targets(), "deregistered")
    states = {one["InstanceId"]: one["LifecycleState"] for one in account.instances()}
    account.scaling.exit_standby(AutoScalingGroupName="web", InstanceIds=[resting])
    account.wait_for("web", 2)
    wait_until(lambda: resting in account.targets(), "registered again")

    assert states[resting] == "Standby"


def test_target_groups_can_be_attached_and_detached_later(account: Account) -> None:
    account.create_group(TargetGroupARNs=[], HealthCheckType="EC2")
    arns = [account.target_group]

    account.scaling.attach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=arns)
    wait_until(lambda: account.targets() == account.ids(), "registered")
    account.scaling.detach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=arns)
    wait_until(lambda: not account.targets(), "deregistered")

    assert len(account.ids()) == 2


def test_a_group_with_instances_is_deleted_only_with_force(account: Account) -> None:
    account.create_group()
    members = account.ids()

    told = refused(account.scaling.delete_auto_scaling_group, AutoScalingGroupName="web")
    account.scaling.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    during = account.group()
    wait_until(lambda: not account.group(), "the group is gone")

    assert told.startswith("ResourceInUse: You cannot delete an AutoScalingGroup while there are instances")
    assert during.get("Status", "Delete in progress") == "Delete in progress"
    assert {account.machines.get_instance(name).state for name in members} == {"terminated"}
    assert account.targets() == set()
    assert account.activities()[0]["AutoScalingGroupState"] == "Deleted"


def test_a_group_scaled_to_zero_is_deleted_at_once(account: Account) -> None:
    account.create_group()
    account.scaling.update_auto_scaling_group(
        AutoScalingGroupName="web", MinSize=0, MaxSize=0, DesiredCapacity=0
    )
    wait_until(lambda: not account.instances(), "no instances")

    account.scaling.delete_auto_scaling_group(AutoScalingGroupName="web")

    assert account.group() == {}


def test_capacity_outside_of_the_limits_is_refused(account: Account) -> None:
    account.create_group(MaxSize=3)

    above = refused(account.scaling.set_desired_capacity, AutoScalingGroupName="web", DesiredCapacity=4)
    below = refused(account.scaling.set_desired_capacity, AutoScalingGroupName="web", DesiredCapacity=0)

    assert above == (
        "ValidationError: New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup."
    )
    assert "below min value 1" in below


def test_raising_the_minimum_raises_the_desired_capacity(account: Account) -> None:
    account.create_group()

    account.scaling.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=3)
    account.wait_for("web", 3)

    assert account.group()["DesiredCapacity"] == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"MixedInstancesPolicy": {"InstancesDistribution": {"OnDemandBaseCapacity": 1}}},
        {"InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200}},
        {"LoadBalancerNames": ["classic"]},
        {"TerminationPolicies": ["AllocationStrategy"]},
        {"LaunchTemplate": {"LaunchTemplateName": "nobody"}},
        {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "99"}},
        {"DesiredCapacity": 11},
    ],
)
def test_what_cannot_be_served_is_refused(account: Account, changes: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        account.create_group(**changes)

    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert account.group() == {}


def test_a_second_group_of_the_same_name_is_refused(account: Account) -> None:
    account.create_group()

    with pytest.raises(ClientError) as caught:
        account.create_group()

    assert caught.value.response["Error"]["Code"] == "AlreadyExists"


def test_lifecycle_hooks_and_warm_pools_are_refused(account: Account) -> None:
    account.create_group()

    hook = refused(
        account.scaling.put_lifecycle_hook,
        AutoScalingGroupName="web",
        LifecycleHookName="hook",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
    )

    assert hook.startswith("ValidationError: Lifecycle hooks are not served by the local AWS")
    assert "Warm pools" in refused(account.scaling.put_warm_pool, AutoScalingGroupName="web")


def test_a_target_tracking_policy_is_recorded(account: Account) -> None:
    account.create_group()

    account.scaling.put_scaling_policy(
        AutoScalingGroupName="web",
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 50.0,
        },
    )

    found = account.scaling.describe_policies(AutoScalingGroupName="web")["ScalingPolicies"]
    assert [policy["PolicyName"] for policy in found] == ["cpu"]


def test_a_target_group_deleted_before_the_group_stops_nothing(account: Account) -> None:
    account.create_group()
    elbv2_backends[ACCOUNT_ID][REGION].target_groups.pop(account.target_group)
    account.scaling.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)

    wait_until(lambda: not account.group(), "the group is gone")
