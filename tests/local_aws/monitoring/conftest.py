"""CloudWatch of a local AWS over its API, with load balancers whose counters and health a test decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.base_backend import BackendDict
from moto.elbv2.models import FakeHealthStatus, elbv2_backends
from moto.server import ThreadedMotoServer

from local_aws.home import ACCOUNT_ID, REGION
from local_aws.load_balancing import Statistics
from local_aws.monitoring import install_on_moto
from local_aws.monitoring.part import Monitoring
from tests.support.clients import local_client

BEGAN = 1_800_000_000.0
MINUTE = 10.0


class World:
    """A load balancer with one target group, a clock that the test moves, and clients."""

    def __init__(self, endpoint: str) -> None:
        self.now = BEGAN
        self.statistics = Statistics(load_balancers={}, target_groups={})
        self.health: list[str] = []
        self.monitoring = Monitoring(
            minute_seconds=MINUTE, clock=lambda: self.now, read=lambda: self.statistics
        )
        self.cloudwatch = self._client("cloudwatch", endpoint)
        elbv2, ec2 = self._client("elbv2", endpoint), self._client("ec2", endpoint)
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
        balancer = elbv2.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        created = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)
        self.group_arn = created["TargetGroups"][0]["TargetGroupArn"]
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group_arn}],
        )
        self.dimensions = [
            {"Name": "LoadBalancer", "Value": balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]},
            {"Name": "TargetGroup", "Value": self.group_arn.rpartition(":")[2]},
        ]
        backend = elbv2_backends[ACCOUNT_ID][REGION]
        backend.describe_target_health = self._describe_target_health  # type: ignore[assignment, method-assign]

    def _client(self, service: str, endpoint: str) -> Any:
        # botocore would refuse some wrong parameters by itself.
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        return local_client(endpoint, service, config=config)

    def _describe_target_health(self, arn: str, targets: list[Any]) -> list[FakeHealthStatus]:
        assert arn == self.group_arn
        return [FakeHealthStatus(one["Id"], "80", "80", self.health[int(one["Id"])]) for one in targets]

    def targets(self, *states: str) -> None:
        """Register as many targets in these states."""
        self.health = list(states)
        group = elbv2_backends[ACCOUNT_ID][REGION].target_groups[self.group_arn]
        group.targets = {str(index): {"Id": str(index), "Port": 80} for index in range(len(states))}

    def answers(self, *, milliseconds: dict[int, int] | None = None, **classes: int) -> None:
        """Count further answers by class, such as _5xx=3, and the time that requests took."""
        counted = self.statistics.target_groups.get(self.group_arn, {})
        grown = {name.removeprefix("_"): count for name, count in classes.items()}
        times = Counter(self.statistics.milliseconds.get(self.group_arn, Counter()))
        times.update(milliseconds or {})
        self.statistics = Statistics(
            load_balancers={},
            target_groups={
                self.group_arn: {
                    name: counted.get(name, 0) + grown.get(name, 0) for name in counted.keys() | grown.keys()
                }
            },
            milliseconds={self.group_arn: times},
        )

    def pass_minutes(self, minutes: int = 1) -> None:
        """Let minutes pass, as many as a minute has seconds here."""
        for _ in range(minutes):
            self.monitoring.look()
            self.now += MINUTE
            self.monitoring.look()

    def put_alarm(self, name: str = "alarm", **changes: Any) -> None:
        """An alarm on ten answers with 5xx in a minute, with *changes*; None leaves a parameter out."""
        given = {
            "AlarmName": name,
            "Namespace": "AWS/ApplicationELB",
            "MetricName": "HTTPCode_Target_5XX_Count",
            "Dimensions": self.dimensions,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 10,
            "TreatMissingData": "notBreaching",
            **changes,
        }
        self.cloudwatch.put_metric_alarm(**{key: value for key, value in given.items() if value is not None})

    def alarm(self, name: str = "alarm") -> dict[str, Any]:
        """The alarm as the API describes it."""
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return dict(found)

    def state(self, name: str = "alarm") -> str:
        """The alarm's state."""
        return str(self.alarm(name)["StateValue"])


@pytest.fixture
def world() -> Iterator[World]:
    """CloudWatch installed on moto; all of it is gone afterwards."""
    original = cloudwatch_backends.backend
    BackendDict.reset()
    install_on_moto()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield World(f"http://{host}:{port}")
    finally:
        server.stop()
        cloudwatch_backends.backend = original
        BackendDict.reset()
