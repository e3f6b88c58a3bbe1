"""A local AWS with nothing but Auto Scaling: moto in a thread, instances as records, scripted health."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import moto.ec2.urls
import moto.elbv2.urls
import pytest
from moto.autoscaling.models import autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Reservation
from moto.elb.models import elb_backends
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, elbv2_backends
from moto.server import ThreadedMotoServer

from local_aws.auto_scaling import install
from local_aws.auto_scaling.refresh_actions import FAILURE_SECONDS_VARIABLE
from local_aws.home import ACCOUNT_ID, REGION, Home
from tests.support.clients import local_client


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 20) -> None:
    """Return as soon as *condition* holds; fail with *what* after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class ScriptedLoadBalancing(ELBv2Backend):
    """Target health as the test says: bad launch template versions, and single instances."""

    bad_versions: ClassVar[set[str]] = set()
    verdicts: ClassVar[dict[str, str]] = {}
    draining: ClassVar[set[str]] = set()
    calls: ClassVar[list[str]] = []

    @property
    def _url_module(self) -> Any:
        return moto.elbv2.urls

    def describe_target_health(
        self, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        """The scripted state of each target."""
        self.calls.append(target_group_arn)
        registered = self.target_groups[target_group_arn].targets
        names = [target["Id"] for target in targets] or [*registered, *self.draining]
        return [self._status(name, name in registered) for name in names]

    def _status(self, name: str, is_registered: bool) -> FakeHealthStatus:
        if not is_registered:
            state = "draining" if name in self.draining else "unused"
            return FakeHealthStatus(name, "8080", "8080", state, "Target.NotRegistered", "")
        state = self.verdicts.get(name) or ("unhealthy" if self._is_bad(name) else "healthy")
        reason = "" if state == "healthy" else "Target.FailedHealthChecks"
        return FakeHealthStatus(name, "8080", "8080", state, reason, "Health checks failed" if reason else "")

    def _is_bad(self, name: str) -> bool:
        instance = self.ec2_backend.get_instance_by_id(name)
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()} if instance else {}
        return tags.get("aws:ec2launchtemplate:version") in self.bad_versions


class ScriptedMachines(EC2Backend):
    """Instances that stay pending while the test says so."""

    is_slow: ClassVar[bool] = False

    @property
    def _url_module(self) -> Any:
        return moto.ec2.urls

    def run_instances(self, *args: Any, **kwargs: Any) -> Reservation:
        """moto's, but pending where machines are slow."""
        reservation = super().run_instances(*args, **kwargs)
        if self.is_slow:
            for instance in reservation.instances:
                instance._state.name, instance._state.code = "pending", 0
        return reservation

    def boot(self) -> None:
        """Every pending machine runs now."""
        for instance in self.all_instances():
            if instance.state == "pending":
                instance._state.name, instance._state.code = "running", 16


class Account:
    """The account under test: clients, a launch template with two versions, a group of two by default."""

    def __init__(self, endpoint_url: str) -> None:
        self.ec2 = local_client(endpoint_url, "ec2")
        self.scaling = local_client(endpoint_url, "autoscaling")
        self.balancing = local_client(endpoint_url, "elbv2")
        self.watch = local_client(endpoint_url, "cloudwatch")
        self.machines = ec2_backends[ACCOUNT_ID][REGION]
        self.image_id = next(iter(self.machines.amis))
        self.template_id = self.make_template("web")
        self.add_version(self.image_id)
        subnets = self.ec2.describe_subnets()["Subnets"]
        self.subnet_ids = [subnet["SubnetId"] for subnet in subnets[:2]]
        self.target_group = self._load_balancer(subnets[0]["VpcId"])

    def _template_data(self, image_id: str) -> Any:
        tag = {"Key": "Role", "Value": "web"}
        return {
            "ImageId": image_id,
            "InstanceType": "t3.micro",
            "UserData": base64.b64encode(b"#!/bin/sh\n").decode(),
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [tag]}],
        }

    def _load_balancer(self, vpc_id: str) -> str:
        made = self.balancing.create_target_group(Name="web", Protocol="HTTP", Port=8080, VpcId=vpc_id)
        arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.balancing.create_load_balancer(Name="web", Subnets=self.subnet_ids)
        self.balancing.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Port=80,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
        )
        return arn

    def make_template(self, name: str) -> str:
        """A launch template with one version; its id."""
        made = self.ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData=self._template_data(self.image_id)
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def add_version(self, image_id: str) -> str:
        """A further version of the launch template."""
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=self.template_id, LaunchTemplateData=self._template_data(image_id)
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def create_group(self, name: str = "web", **changes: Any) -> None:
        """Create a group, and wait until its instances are in service."""
        usual: dict[str, Any] = {
            "AutoScalingGroupName": name,
            "MinSize": 1,
            "MaxSize": 10,
            "DesiredCapacity": 2,
            "LaunchTemplate": {"LaunchTemplateId": self.template_id, "Version": "1"},
            "VPCZoneIdentifier": ",".join(self.subnet_ids),
            "TargetGroupARNs": [self.target_group],
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": 0,
        }
        wanted = {**usual, **changes}
        self.scaling.create_auto_scaling_group(**wanted)
        if not ScriptedMachines.is_slow:
            self.wait_for(name, wanted["DesiredCapacity"])

    def wait_for(self, name: str, count: int) -> None:
        """Wait until exactly *count* instances are there, all in service."""
        wait_until(
            lambda: [one["LifecycleState"] for one in self.instances(name)] == ["InService"] * count,
            f"{count} instances in service",
        )

    def group(self, name: str = "web") -> dict[str, Any]:
        """The group as the API shows it; empty when there is none."""
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return dict(found[0]) if found else {}

    def instances(self, name: str = "web") -> list[dict[str, Any]]:
        """The group's instances."""
        return list(self.group(name).get("Instances", []))

    def ids(self, name: str = "web") -> set[str]:
        """The ids of the group's instances."""
        return {one["InstanceId"] for one in self.instances(name)}

    def versions(self, name: str = "web") -> list[str]:
        """The launch template versions of the group's instances that are in service."""
        return [
            one["LaunchTemplate"]["Version"]
            for one in self.instances(name)
            if one["LifecycleState"] == "InService"
        ]

    def targets(self) -> set[str]:
        """Who is registered with the target group."""
        return set(elbv2_backends[ACCOUNT_ID][REGION].target_groups[self.target_group].targets)

    def activities(self, name: str = "web") -> list[dict[str, Any]]:
        """The group's scaling activities, newest first."""
        found = self.scaling.describe_scaling_activities(AutoScalingGroupName=name, IncludeDeletedGroups=True)
        return list(found["Activities"])

    def put_alarm(self, name: str) -> None:
        """An alarm whose state nothing but the test changes."""
        self.watch.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="HTTPCode_Target_5XX_Count",
            Namespace="AWS/ApplicationELB",
            Period=60,
            Statistic="Sum",
            Threshold=1,
        )

    def start_refresh(self, version: str | None = "2", name: str = "web", **preferences: Any) -> str:
        """Start a refresh to *version*; None: without a desired configuration."""
        usual = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 0}
        request: dict[str, Any] = {
            "AutoScalingGroupName": name,
            "Preferences": {**usual, **preferences},
        }
        if version:
            template = {"LaunchTemplateId": self.template_id, "Version": version}
            request["DesiredConfiguration"] = {"LaunchTemplate": template}
        return str(self.scaling.start_instance_refresh(**request)["InstanceRefreshId"])

    def refresh(self, name: str = "web") -> dict[str, Any]:
        """The group's latest refresh."""
        found = self.scaling.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
        return dict(found[0])

    def wait_for_status(self, status: str, name: str = "web") -> dict[str, Any]:
        """Wait until the latest refresh has *status*, and return it."""
        wait_until(lambda: self.refresh(name)["Status"] == status, f"refresh {status}")
        return self.refresh(name)


def empty_account() -> None:
    """Forget everything; moto's own reset would first fill the account again, which takes a second."""
    for backends in (ec2_backends, elb_backends, elbv2_backends, autoscaling_backends, cloudwatch_backends):
        backends.clear()


def ask_only(endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's clients ask *endpoint_url* and nobody else."""
    settings = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def endpoint_url() -> Iterator[str]:
    """moto's server, on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint_url: str) -> Iterator[Account]:
    """A fresh account; a refresh in it gives up after one second without progress."""
    monkeypatch.setenv(FAILURE_SECONDS_VARIABLE, "1")
    patched = dict(vars(AutoScalingResponse))
    classes = {one: one.backend for one in (ec2_backends, elbv2_backends, autoscaling_backends)}
    ScriptedLoadBalancing.bad_versions.clear()
    ScriptedLoadBalancing.draining.clear()
    ScriptedLoadBalancing.verdicts.clear()
    ScriptedLoadBalancing.calls.clear()
    ScriptedMachines.is_slow = False
    empty_account()
    ec2_backends.backend = ScriptedMachines
    elbv2_backends.backend = ScriptedLoadBalancing
    home = Home(
        folder=tmp_path,
        name="local-aws-test",
        api_port=0,
        network="127.0.1",
        load_balancer_address="127.0.0.1",
        generation="test",
        machine_ports=(),
    )
    part = install(home)
    part.start()
    try:
        yield Account(endpoint_url)
    finally:
        part.stop()
        empty_account()
        for backends, original in classes.items():
            backends.backend = original
        for name in set(vars(AutoScalingResponse)) - set(patched):
            delattr(AutoScalingResponse, name)
        for name, value in patched.items():
            if vars(AutoScalingResponse)[name] is not value:
                setattr(AutoScalingResponse, name, value)
