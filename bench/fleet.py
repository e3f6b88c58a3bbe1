"""A fleet of records on a local AWS without machines, and what a rollout of it costs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from infra.rollout.preferences import Preferences
from infra.rollout.refreshes import Refreshes
from infra.rollout.rolling import Rollout
from infra.rollout.values import Target
from local_aws.faults.client import ask_control
from local_aws.faults.control import CALLS
from local_aws.home import REGION, Home
from local_aws.records.images import IMAGES

SECONDS_TO_BE_THERE = 300
PREFERENCES = Preferences(
    min_healthy_percentage=80, max_healthy_percentage=120, instance_warmup_seconds=1, auto_rollback=True
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one rollout cost."""

    instances: int
    refresh_seconds: float
    """From StartTime to EndTime of the refresh."""
    our_seconds: float
    """From our first call to our last."""
    calls: Counter[str]
    """The calls by action."""

    @property
    def overhead(self) -> float:
        """Our time to the refresh's own."""
        return self.our_seconds / self.refresh_seconds

    @property
    def calls_a_second(self) -> float:
        """How fast AWS was asked."""
        return self.calls.total() / self.our_seconds


def seed_images(home: Home, count: int, prefix: str = "web-app") -> list[str]:
    """*count* new AMIs as our builds leave them once verified, each of its own fingerprint and name."""
    tags = {
        "Built-By": "packer",
        "ImageFamily": "web-app",
        "ImageFingerprint": "fingerprint-{number}",
        "Verified": "2026-11-01T00:00:00Z",
    }
    wanted = {"count": count, "name": f"{prefix}-{{number:012}}", "tags": tags}
    made: list[str] = ask_control(home, "POST", IMAGES, wanted)
    return made


class RecordFleet:
    """An Auto Scaling group behind a load balancer, all of it records."""

    def __init__(self, home: Home, name: str, ami_ids: tuple[str, str], instances: int) -> None:
        self._home = home
        self.name = name
        self._ami_ids = ami_ids
        self.instances = instances
        client: Any = lambda service: boto3.client(service, region_name=REGION)  # noqa: E731
        self._ec2, self._scaling, self._balancing = map(client, ("ec2", "autoscaling", "elbv2"))

    def create(self) -> None:
        """Create it on the first AMI, and return when all are in service and healthy."""
        subnets = [subnet["SubnetId"] for subnet in self._ec2.describe_subnets()["Subnets"]][:2]
        vpc = self._ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        first, second = ({"ImageId": ami_id, "InstanceType": "t3.micro"} for ami_id in self._ami_ids)
        made = self._ec2.create_launch_template(LaunchTemplateName=self.name, LaunchTemplateData=first)
        self._template = made["LaunchTemplate"]["LaunchTemplateId"]
        self._ec2.create_launch_template_version(LaunchTemplateId=self._template, LaunchTemplateData=second)
        groups = self._balancing.create_target_group(Name=self.name, Protocol="HTTP", Port=80, VpcId=vpc)
        self._targets = groups["TargetGroups"][0]["TargetGroupArn"]
        balancers = self._balancing.create_load_balancer(Name=self.name, Subnets=subnets)
        self._balancing.create_listener(
            LoadBalancerArn=balancers["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self._targets}],
        )
        self._scaling.create_auto_scaling_group(
            AutoScalingGroupName=self.name,
            MinSize=self.instances,
            MaxSize=2 * self.instances,
            DesiredCapacity=self.instances,
            LaunchTemplate={"LaunchTemplateId": self._template, "Version": "1"},
            TargetGroupARNs=[self._targets],
            VPCZoneIdentifier=",".join(subnets),
            HealthCheckType="ELB",
            HealthCheckGracePeriod=5,
        )
        deadline = time.monotonic() + SECONDS_TO_BE_THERE
        while self.healthy() < self.instances:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: {self.healthy()} of {self.instances} are healthy")
            time.sleep(0.5)

    def healthy(self) -> int:
        """How many are healthy."""
        told = self._balancing.describe_target_health(TargetGroupArn=self._targets)
        states = [target["TargetHealth"]["State"] for target in told["TargetHealthDescriptions"]]
        return states.count("healthy")

    def roll_out(self, say: Callable[[str], None]) -> Cost:
        """Roll out the second AMI."""
        last = max(call["sequence"] for call in self._calls(0))
        began = time.monotonic()
        outcome = Rollout(
            refreshes=Refreshes(REGION),
            group_name=self.name,
            target=Target(
                launch_template_id=self._template, launch_template_version="2", ami_id=self._ami_ids[1]
            ),
            preferences=PREFERENCES,
            timeout_seconds=600,
            say=say,
        ).run()
        seconds = time.monotonic() - began
        calls = Counter(call["action"] for call in self._calls(last))
        told = self._scaling.describe_instance_refreshes(
            AutoScalingGroupName=self.name, InstanceRefreshIds=[outcome.refresh_id]
        )["InstanceRefreshes"][0]
        return Cost(
            instances=outcome.instances,
            refresh_seconds=(told["EndTime"] - told["StartTime"]).total_seconds(),
            our_seconds=seconds,
            calls=calls,
        )

    def delete(self) -> None:
        """End it with its instances."""
        self._scaling.delete_auto_scaling_group(AutoScalingGroupName=self.name, ForceDelete=True)

    def _calls(self, since: int) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = ask_control(self._home, "GET", f"{CALLS}?since={since}")
        return calls
