"""What is asked of AWS and how its answers are read, held against botocore's own model of the services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.stub import Stubber

from infra.rollout.alarms import AlarmState
from infra.rollout.errors import RolloutError, StartUnansweredError
from infra.rollout.patience import Patience
from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.values import Refresh, TargetHealth
from tests.infra.rollout.worlds import NEW_AMI, PREFERENCES, TARGET

GROUP: dict[str, Any] = {
    "AutoScalingGroupName": "web",
    "MinSize": 1,
    "MaxSize": 4,
    "DesiredCapacity": 2,
    "DefaultCooldown": 300,
    "AvailabilityZones": ["us-east-1a"],
    "HealthCheckType": "ELB",
    "CreatedTime": 0,
    "TargetGroupARNs": ["arn:tg"],
    "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "2"},
    "Instances": [
        {
            "InstanceId": "i-a",
            "AvailabilityZone": "us-east-1a",
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "2"},
            "ProtectedFromScaleIn": False,
        }
    ],
}


@pytest.fixture
def refreshes(monkeypatch: pytest.MonkeyPatch) -> Refreshes:
    """Real clients, whose requests go no further than a stub."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patience = Patience(seconds=60, say=lambda _line: None, sleep=lambda _seconds: None)
    return Refreshes("us-east-1", patience=patience)


@contextmanager
def answers(client: Any, *replies: tuple[str, dict[str, Any], dict[str, Any]]) -> Iterator[None]:
    """Expect exactly these requests (method, parameters) and reply to them."""
    with Stubber(client) as stub:
        for method, parameters, reply in replies:
            stub.add_response(method, reply, parameters)
        yield
        stub.assert_no_pending_responses()


def start_request(preferences: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a refresh to the target is started with."""
    return {
        "AutoScalingGroupName": "web",
        "Strategy": "Rolling",
        "DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "2"}},
        "Preferences": preferences,
    }


def test_a_refresh_is_started_with_a_desired_configuration_and_without_unset_preferences(
    refreshes: Refreshes,
) -> None:
    expected = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "AutoRollback": True}
    reply = ("start_instance_refresh", start_request(expected), {"InstanceRefreshId": "r-1"})

    with answers(refreshes._auto_scaling, reply):
        assert refreshes.start("web", TARGET, PREFERENCES) == "r-1"


def test_every_preference_has_its_name_in_the_api_and_zero_is_not_unset(refreshes: Refreshes) -> None:
    preferences = Preferences(
        min_healthy_percentage=0,
        max_healthy_percentage=100,
        instance_warmup_seconds=0,
        skip_matching=False,
        auto_rollback=False,
        checkpoint_percentages=(20, 100),
        checkpoint_delay_seconds=0,
        bake_time_seconds=0,
        alarm_names=("web-5xx",),
        standby_instances="Wait",
        scale_in_protected_instances="Ignore",
    )
    expected = {
        "MinHealthyPercentage": 0,
        "MaxHealthyPercentage": 100,
        "InstanceWarmup": 0,
        "SkipMatching": False,
        "AutoRollback": False,
        "CheckpointPercentages": [20, 100],
        "CheckpointDelay": 0,
        "BakeTime": 0,
        "AlarmSpecification": {"Alarms": ["web-5xx"]},
        "StandbyInstances": "Wait",
        "ScaleInProtectedInstances": "Ignore",
    }

    with answers(
        refreshes._auto_scaling,
        ("start_instance_refresh", start_request(expected), {"InstanceRefreshId": "r-1"}),
    ):
        refreshes.start("web", TARGET, preferences)


def test_preferences_are_read_back_as_they_were_given(refreshes: Refreshes) -> None:
    preferences = Preferences(
        min_healthy_percentage=0,
        checkpoint_percentages=(20, 100),
        checkpoint_delay_seconds=0,
        bake_time_seconds=60,
        alarm_names=("web-5xx",),
        skip_matching=False,
        standby_instances="Terminate",
    )
    answer = {"InstanceRefreshId": "r-1", "Status": "Baking", "Preferences": preferences.to_request()}

    with answers(
        refreshes._auto_scaling,
        (
            "describe_instance_refreshes",
            {"AutoScalingGroupName": "web", "MaxRecords": 1},
            {"InstanceRefreshes": [answer]},
        ),
    ):
        newest = refreshes.find_newest("web")

    assert newest is not None
    assert newest.preferences == preferences


def test_a_start_whose_answer_is_lost_is_not_sent_again(refreshes: Refreshes) -> None:
    with Stubber(refreshes._auto_scaling) as stub:
        stub.add_client_error("start_instance_refresh", "ServiceUnavailable", http_status_code=503)

        with pytest.raises(StartUnansweredError, match="ServiceUnavailable"):
            refreshes.start("web", TARGET, PREFERENCES)


def test_the_latest_console_is_asked_for_and_where_there_is_none_the_one_that_aws_kept(
    refreshes: Refreshes,
) -> None:
    with Stubber(refreshes._ec2) as stub:
        stub.add_client_error(
            "get_console_output",
            "UnsupportedOperation",
            expected_params={"InstanceId": "i-a", "Latest": True},
        )
        stub.add_response("get_console_output", {"Output": "it broke"}, {"InstanceId": "i-a"})

        assert refreshes.find_console("i-a") == "it broke"


def test_a_refresh_that_is_in_progress_already_is_told_apart_from_other_refusals(
    refreshes: Refreshes,
) -> None:
    with Stubber(refreshes._auto_scaling) as stub:
        stub.add_client_error("start_instance_refresh", "InstanceRefreshInProgress")
        assert refreshes.start("web", TARGET, PREFERENCES) is None

        stub.add_client_error("start_instance_refresh", "ValidationError", "no")
        with pytest.raises(Exception, match="ValidationError"):
            refreshes.start("web", TARGET, PREFERENCES)


def test_the_group_is_read_with_the_ami_of_each_instance(refreshes: Refreshes) -> None:
    described = {"Reservations": [{"Instances": [{"InstanceId": "i-a", "ImageId": NEW_AMI}]}]}
    filters = [{"Name": "instance-id", "Values": ["i-a"]}]

    with (
        answers(
            refreshes._auto_scaling,
            (
                "describe_auto_scaling_groups",
                {"AutoScalingGroupNames": ["web"]},
                {"AutoScalingGroups": [GROUP]},
            ),
        ),
        answers(refreshes._ec2, ("describe_instances", {"Filters": filters}, described)),
    ):
        group = refreshes.describe_group("web")

    assert (group.desired_capacity, group.launch_template_version) == (2, "2")
    assert group.target_group_arns == ("arn:tg",)
    assert [(one.instance_id, one.launch_template_version, one.ami_id) for one in group.instances] == [
        ("i-a", "2", NEW_AMI)
    ]


def test_a_group_that_does_not_exist_is_one_line(refreshes: Refreshes) -> None:
    with (
        answers(
            refreshes._auto_scaling,
            ("describe_auto_scaling_groups", {"AutoScalingGroupNames": ["web"]}, {"AutoScalingGroups": []}),
        ),
        pytest.raises(RolloutError, match="Auto Scaling group web does not exist · "),
    ):
        refreshes.describe_group("web")


def test_instances_are_asked_for_by_200_on_all_pages_and_only_once(refreshes: Refreshes) -> None:
    names = [f"i-{number}" for number in range(250)]

    def page(some: list[str]) -> dict[str, Any]:
        return {"Reservations": [{"Instances": [{"InstanceId": name, "ImageId": NEW_AMI} for name in some]}]}

    def filters(some: list[str]) -> dict[str, Any]:
        return {"Filters": [{"Name": "instance-id", "Values": some}]}

    with answers(
        refreshes._ec2,
        ("describe_instances", filters(names[:200]), {**page(names[:60]), "NextToken": "more"}),
        ("describe_instances", {**filters(names[:200]), "NextToken": "more"}, page(names[60:200])),
        ("describe_instances", filters(names[200:]), page(names[200:])),
    ):
        assert refreshes.find_ami_ids(names) == dict.fromkeys(names, NEW_AMI)
        assert refreshes.find_ami_ids(names[:2]) == dict.fromkeys(names[:2], NEW_AMI)


def test_the_worst_health_of_any_target_group_counts(refreshes: Refreshes) -> None:
    def health(name: str, state: str, **why: str) -> dict[str, Any]:
        return {"Target": {"Id": name}, "TargetHealth": {"State": state, **why}}

    one = [health("i-a", "healthy"), health("i-b", "unhealthy", Reason="Target.Timeout", Description="Slow")]
    two = [health("i-a", "initial", Reason="Elb.RegistrationInProgress"), health("i-b", "healthy")]

    with answers(
        refreshes._load_balancing,
        ("describe_target_health", {"TargetGroupArn": "arn:1"}, {"TargetHealthDescriptions": one}),
        ("describe_target_health", {"TargetGroupArn": "arn:2"}, {"TargetHealthDescriptions": two}),
    ):
        found = refreshes.find_target_health(["arn:1", "arn:2"], ["i-a", "i-b", "i-c"])

    assert found == {
        "i-a": TargetHealth(state="initial", reason="Elb.RegistrationInProgress"),
        "i-b": TargetHealth(state="unhealthy", reason="Target.Timeout: Slow"),
    }


@pytest.mark.parametrize(
    ("status", "is_running"),
    [
        ("Pending", True),
        ("InProgress", True),
        ("Baking", True),
        ("Cancelling", True),
        ("RollbackInProgress", True),
        ("Successful", False),
        ("Failed", False),
        ("Cancelled", False),
        ("RollbackSuccessful", False),
        ("RollbackFailed", False),
    ],
)
def test_a_refresh_runs_until_one_of_the_five_ends(
    refreshes: Refreshes, status: str, is_running: bool
) -> None:
    newest = {"InstanceRefreshId": "r-1", "AutoScalingGroupName": "web", "Status": status}

    with answers(
        refreshes._auto_scaling,
        (
            "describe_instance_refreshes",
            {"AutoScalingGroupName": "web", "MaxRecords": 1},
            {"InstanceRefreshes": [newest]},
        ),
    ):
        assert (refreshes.find_running("web") is not None) is is_running


def test_a_refresh_is_read_with_its_target_its_count_and_its_reason_in_one_line(refreshes: Refreshes) -> None:
    answer = {
        "InstanceRefreshId": "r-1",
        "Status": "InProgress",
        "StatusReason": "Waiting.\n  For example: i-a.",
        "PercentageComplete": 33,
        "InstancesToUpdate": 2,
        "DesiredConfiguration": {"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "2"}},
        "RollbackDetails": {"RollbackReason": "An alarm\nrang."},
    }

    with answers(
        refreshes._auto_scaling,
        (
            "describe_instance_refreshes",
            {"AutoScalingGroupName": "web", "InstanceRefreshIds": ["r-1"]},
            {"InstanceRefreshes": [answer]},
        ),
    ):
        found = refreshes.find("web", "r-1")

    assert found == Refresh(
        refresh_id="r-1",
        status="InProgress",
        reason="Waiting. For example: i-a.",
        percentage_complete=33,
        instances_to_update=2,
        launch_template_id="lt-1",
        launch_template_version="2",
        rollback_reason="An alarm rang.",
    )
    assert found.leads_to(TARGET)


def test_a_refresh_that_is_not_listed_yet_is_none(refreshes: Refreshes) -> None:
    with answers(
        refreshes._auto_scaling,
        (
            "describe_instance_refreshes",
            {"AutoScalingGroupName": "web", "InstanceRefreshIds": ["r-1"]},
            {"InstanceRefreshes": []},
        ),
    ):
        assert refreshes.find("web", "r-1") is None


def test_alarms_of_both_kinds_are_read_with_their_states(refreshes: Refreshes) -> None:
    with answers(
        refreshes._cloudwatch,
        (
            "describe_alarms",
            {"AlarmNames": ["a", "b", "c"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]},
            {
                "MetricAlarms": [{"AlarmName": "a", "StateValue": "ALARM", "StateReason": "too\nmany"}],
                "CompositeAlarms": [{"AlarmName": "b", "StateValue": "OK"}],
            },
        ),
    ):
        found = refreshes.find_alarms(["a", "b", "c"])

    assert found == [
        AlarmState(name="a", state="ALARM", reason="too many"),
        AlarmState(name="b", state="OK", reason="no reason given"),
    ]


def test_without_alarms_nothing_is_asked(refreshes: Refreshes) -> None:
    with answers(refreshes._cloudwatch):
        assert refreshes.find_alarms([]) == []


def test_the_ami_of_a_version_that_is_gone_is_none(refreshes: Refreshes) -> None:
    with Stubber(refreshes._ec2) as stub:
        stub.add_client_error(
            "describe_launch_template_versions", "InvalidLaunchTemplateId.VersionNotFound", "gone"
        )

        assert refreshes.find_ami_of_version("lt-1", "1") is None


def test_refused_launches_count_back_to_the_last_one_that_went_well(refreshes: Refreshes) -> None:
    def activity(name: str, status: str, **more: str) -> dict[str, Any]:
        return {
            "ActivityId": name,
            "AutoScalingGroupName": "web",
            "Cause": "c",
            "StartTime": 0,
            "StatusCode": status,
            **more,
        }

    activities = [
        activity("4", "WaitingForInstanceId"),
        activity("3", "Failed", StatusMessage="No\ncapacity"),
        activity("2", "Failed", Description="Launching"),
        activity("1", "Successful"),
        activity("0", "Failed", StatusMessage="Long ago"),
    ]

    with answers(
        refreshes._auto_scaling,
        (
            "describe_scaling_activities",
            {"AutoScalingGroupName": "web", "MaxRecords": 10},
            {"Activities": activities},
        ),
    ):
        assert refreshes.find_failed_launches("web") == {"3": "No capacity", "2": "Launching"}


def test_the_history_is_read_whole_and_newest_first(refreshes: Refreshes) -> None:
    def page(name: str) -> dict[str, Any]:
        return {"InstanceRefreshes": [{"InstanceRefreshId": name, "Status": "Successful"}]}

    with answers(
        refreshes._auto_scaling,
        (
            "describe_instance_refreshes",
            {"AutoScalingGroupName": "web"},
            {**page("r-2"), "NextToken": "more"},
        ),
        ("describe_instance_refreshes", {"AutoScalingGroupName": "web", "NextToken": "more"}, page("r-1")),
    ):
        assert [one.refresh_id for one in refreshes.history("web")] == ["r-2", "r-1"]


@pytest.mark.parametrize("name", ["cancel", "rollback"])
def test_a_refresh_is_ended_by_hand_and_none_where_there_is_none(refreshes: Refreshes, name: str) -> None:
    operation = f"{name}_instance_refresh"
    end = getattr(refreshes, name)

    with answers(
        refreshes._auto_scaling, (operation, {"AutoScalingGroupName": "web"}, {"InstanceRefreshId": "r-1"})
    ):
        assert end("web") == "r-1"
    with Stubber(refreshes._auto_scaling) as stub:
        stub.add_client_error(operation, "ActiveInstanceRefreshNotFound")
        assert end("web") is None


def test_an_ami_is_marked_with_one_tag_and_its_snapshots_are_not(refreshes: Refreshes) -> None:
    tags = [{"Key": "VerifiedIn:dev", "Value": "2026-11-23T09:15:00Z"}]
    asked = {"Resources": [NEW_AMI], "Tags": tags}

    with answers(refreshes._ec2, ("create_tags", asked, {})):
        refreshes.mark_verified(NEW_AMI, "dev", "2026-11-23T09:15:00Z")
