"""Instance refreshes, and what a rollout asks of AWS around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from infra.rollout.alarms import AlarmState
from infra.rollout.answers import (
    read_alarms,
    read_failed_launches,
    read_refresh,
)
from infra.rollout.aws_errors import AWS_ERRORS, describe_error, error_code, is_transient
from infra.rollout.errors import StartUnansweredError
from infra.rollout.fleets import Fleets
from infra.rollout.marking import VERIFIED_IN
from infra.rollout.preferences import Preferences
from infra.rollout.values import Refresh, Target

ACTIVITIES_LOOKED_AT = 10


class Refreshes(Fleets):
    """The calls that a rollout needs in one region, beside those that tell of its group."""

    def find_newest(self, group_name: str) -> Refresh | None:
        """The group's newest refresh; AWS lists the newest first."""
        answer = self._ask(
            self._auto_scaling.describe_instance_refreshes, AutoScalingGroupName=group_name, MaxRecords=1
        )
        return read_refresh(answer["InstanceRefreshes"][0]) if answer["InstanceRefreshes"] else None

    def find_running(self, group_name: str) -> Refresh | None:
        """The refresh that is under way; AWS allows one at a time."""
        newest = self.find_newest(group_name)
        return newest if newest and newest.is_running else None

    def find(self, group_name: str, refresh_id: str) -> Refresh | None:
        """That refresh now; None while AWS does not list it yet."""
        answer = self._ask(
            self._auto_scaling.describe_instance_refreshes,
            AutoScalingGroupName=group_name,
            InstanceRefreshIds=[refresh_id],
        )
        return read_refresh(answer["InstanceRefreshes"][0]) if answer["InstanceRefreshes"] else None

    def start(self, group_name: str, target: Target, preferences: Preferences) -> str | None:
        """Start a refresh to *target*; its id, or None where one, perhaps ours, is under way.

        The group itself is not updated first: AWS writes the desired configuration to it on success, and
        rolls back to what it had before (StartInstanceRefresh, Auto Scaling API reference;
        terraform-provider-aws#34189 is what happens otherwise). A request whose answer is lost may have been
        served, so it is not sent again before somebody has looked: raises StartUnansweredError.
        """
        template = {
            "LaunchTemplateId": target.launch_template_id,
            "Version": target.launch_template_version,
        }
        try:
            answer = self._auto_scaling.start_instance_refresh(
                AutoScalingGroupName=group_name,
                Strategy="Rolling",
                DesiredConfiguration={"LaunchTemplate": template},
                Preferences=preferences.to_request(),
            )
        except AWS_ERRORS as error:
            if error_code(error).startswith("InstanceRefreshInProgress"):
                return None
            if not is_transient(error):
                raise
            raise StartUnansweredError(describe_error(error)) from error
        return str(answer["InstanceRefreshId"])

    def history(self, group_name: str) -> list[Refresh]:
        """The refreshes that AWS still knows, of six weeks, the newest first."""
        request = self._auto_scaling.describe_instance_refreshes
        return [
            read_refresh(refresh)
            for page in self._pages(request, AutoScalingGroupName=group_name)
            for refresh in page["InstanceRefreshes"]
        ]

    def cancel(self, group_name: str) -> str | None:
        """End the refresh or rollback under way, without undoing it; its id, None where there is none."""
        return self._end(self._auto_scaling.cancel_instance_refresh, group_name)

    def rollback(self, group_name: str) -> str | None:
        """Turn the refresh under way back; its id, None where there is none that can be turned back."""
        return self._end(self._auto_scaling.rollback_instance_refresh, group_name)

    def find_alarms(self, names: Sequence[str]) -> list[AlarmState]:
        """Those of these alarms, ten at most, that there are."""
        if not names:
            return []
        kinds = ["MetricAlarm", "CompositeAlarm"]
        request = self._cloudwatch.describe_alarms
        return read_alarms(self._ask(request, AlarmNames=list(names), AlarmTypes=kinds))

    def mark_verified(self, ami_id: str, stack: str, moment: str) -> None:
        """Record on the AMI that it succeeded in *stack*, in place of what it had of it."""
        tags = [{"Key": f"{VERIFIED_IN}{stack}", "Value": moment}]
        self._ask(self._ec2.create_tags, Resources=[ami_id], Tags=tags)

    def find_failed_launches(self, group_name: str) -> dict[str, str]:
        """What AWS says of each of the newest scaling activities, by id, back to the last that went well."""
        request = self._auto_scaling.describe_scaling_activities
        return read_failed_launches(
            self._ask(request, AutoScalingGroupName=group_name, MaxRecords=ACTIVITIES_LOOKED_AT)
        )

    def _end(self, request: Callable[..., Any], group_name: str) -> str | None:
        try:
            return str(self._ask(request, AutoScalingGroupName=group_name)["InstanceRefreshId"])
        except ClientError as error:
            if error_code(error).startswith("ActiveInstanceRefreshNotFound"):
                return None
            raise
