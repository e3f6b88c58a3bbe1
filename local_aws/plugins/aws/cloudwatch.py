"""Alarms of CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from local_aws.plugins.aws.resource import (
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    change_tags,
    tag_dict,
    tag_list,
)


class MetricAlarm(ResourceType):
    """An alarm on one metric; its id is its name."""

    token = "aws:cloudwatch/metricAlarm:MetricAlarm"  # noqa: S105
    arguments = "cloudwatch.MetricAlarmArgs"
    settings: ClassVar[Mapping[str, str]] = {
        "actionsEnabled": "ActionsEnabled",
        "alarmActions": "AlarmActions",
        "alarmDescription": "AlarmDescription",
        "comparisonOperator": "ComparisonOperator",
        "datapointsToAlarm": "DatapointsToAlarm",
        "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
        "evaluationPeriods": "EvaluationPeriods",
        "extendedStatistic": "ExtendedStatistic",
        "insufficientDataActions": "InsufficientDataActions",
        "metricName": "MetricName",
        "namespace": "Namespace",
        "okActions": "OKActions",
        "period": "Period",
        "statistic": "Statistic",
        "threshold": "Threshold",
        "treatMissingData": "TreatMissingData",
        "unit": "Unit",
    }
    served = frozenset({"name", "dimensions", "tags", *settings})
    forces_replacement = frozenset({"name"})
    name_length = 255
    defaults: ClassVar[Mapping[str, Any]] = {"actionsEnabled": True, "treatMissingData": "missing"}
    computed_names = frozenset({"arn", "tagsAll"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Put it."""
        aws("cloudwatch").put_metric_alarm(
            **self._to_request(inputs), **({"Tags": tag_list(inputs["tags"])} if inputs.get("tags") else {})
        )
        return str(inputs["name"])

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        cloudwatch = aws("cloudwatch")
        alarm = find_alarm(cloudwatch, resource_id)
        tags = tag_dict(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
        return Observed(
            inputs={
                **{
                    name: alarm[key]
                    for name, key in self.settings.items()
                    if alarm.get(key) not in (None, [])
                },
                "name": alarm["AlarmName"],
                "dimensions": {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])},
                "tags": tags,
            },
            computed={"arn": alarm["AlarmArn"], "tagsAll": tags},
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Put the whole of it anew, as the API wants it; tags of an alarm that exists are changed apart."""
        cloudwatch = aws("cloudwatch")
        if changed - {"tags"}:
            cloudwatch.put_metric_alarm(**self._to_request(inputs))
        if "tags" in changed:
            arn = find_alarm(cloudwatch, resource_id)["AlarmArn"]
            change_tags(
                tag_dict(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]),
                inputs.get("tags"),
                remove=lambda keys: cloudwatch.untag_resource(ResourceARN=arn, TagKeys=keys),
                add=lambda added: cloudwatch.tag_resource(ResourceARN=arn, Tags=added),
            )

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Delete it; AWS deletes an alarm that is not there without an error."""
        aws("cloudwatch").delete_alarms(AlarmNames=[resource_id])

    def _to_request(self, inputs: Values) -> Values:
        dimensions = sorted((inputs.get("dimensions") or {}).items())
        return {
            "AlarmName": inputs["name"],
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
            **{key: inputs[name] for name, key in self.settings.items() if inputs.get(name) is not None},
        }


def find_alarm(cloudwatch: Any, name: str) -> Values:
    """The alarm; raises Gone."""
    alarms = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    if not alarms:
        raise Gone(name)
    return dict(alarms[0])
