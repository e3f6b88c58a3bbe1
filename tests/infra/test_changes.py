"""What the real engine makes of changed settings of the load balancer and the fleet, on records."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.fleet import seed_images
from local_aws.home import Home
from tests.support.clients import local_client
from tests.support.local_aws import running_local_aws
from tests.support.shell import prepared_shell
from tools.toolchain import ROOT

PROGRAM = """
import json, os
from pathlib import Path
import pulumi
from infra.ami import find_ami
from infra.fleet import Fleet, FleetArgs
from infra.load_balancer import LoadBalancer, LoadBalancerArgs
from infra.network import find_network

changes = json.loads(Path("changes.json").read_text())
network = find_network(None, (), "t3.small")
common = {"vpc_id": network.vpc_id, "subnet_ids": network.subnet_ids, "tags": {"Stack": "t"}}
balancer = LoadBalancer("web", LoadBalancerArgs(
    **common, certificate_arn=None, health_check_path="/", health_check_interval_seconds=5,
    healthy_threshold=2, unhealthy_threshold=2, deregistration_delay_seconds=0, **changes))
ami = find_ami(balancer.url.apply(lambda _: os.environ["AMI"]), ["self"])
Fleet("web", FleetArgs(
    **common, ami_id=ami.id, root_device_name=ami.root_device_name, instance_type="t3.micro",
    target_group_arn=balancer.target_group_arn, load_balancer_security_group_id=balancer.security_group_id,
    application_port=changes["application_port"], root_volume_gigabytes=8, has_detailed_monitoring=False,
    min_size=1, max_size=1, desired_capacity=1, target_cpu_percent=60, health_check_grace_period_seconds=0,
    region="us-east-1", secrets=()))
pulumi.export("target_group_arn", balancer.target_group_arn)
"""
BEGINNING = {
    "allowed_cidr_blocks": ["10.0.0.0/8", "192.168.0.0/16"],
    "listener_port": 8080,
    "application_port": 8080,
    "is_internal": False,
}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployed stack of the program above, and clients of its account."""

    folder: Path
    environment: dict[str, str]
    home: Home

    def pulumi(self, *arguments: str) -> str:
        """Run pulumi, which is expected to succeed; return what it printed."""
        done = subprocess.run(
            ["pulumi", *arguments, "--stack", "t"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self, **changes: Any) -> None:
        """Deploy the beginning with *changes*."""
        (self.folder / "changes.json").write_text(json.dumps({**BEGINNING, **changes}))
        self.pulumi("up", "--yes", "--skip-preview")

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return local_client(self.home.endpoint_url, service)

    def clients_let_in(self) -> dict[str, str]:
        """The networks that may reach the load balancer, each with the id of its rule."""
        rules = self.client("ec2").describe_security_group_rules()["SecurityGroupRules"]
        return {
            rule["CidrIpv4"]: rule["SecurityGroupRuleId"]
            for rule in rules
            if rule.get("Description") == "Clients"
        }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack at its beginning, on a local AWS without machines."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "Pulumi.yaml").write_text("name: changes\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "infra").symlink_to(ROOT / "infra")
    with (
        running_local_aws(tmp_path_factory.mktemp("aws"), machines="none") as home,
        prepared_shell(home, tmp_path_factory.mktemp("pulumi")) as environment,
    ):
        stack = Stack(folder=folder, environment={**environment, "AMI": seed_images(home, 1)[0]}, home=home)
        stack.pulumi("stack", "init")
        stack.up()
        yield stack


def test_a_shorter_list_of_clients_and_another_scheme_end_with_one_load_balancer_that_serves_the_group(
    stack: Stack,
) -> None:
    before = stack.clients_let_in()

    stack.up(allowed_cidr_blocks=["192.168.0.0/16"], is_internal=True)

    balancing = stack.client("elbv2")
    (balancer,) = balancing.describe_load_balancers()["LoadBalancers"]
    (listener,) = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    (targets,) = balancing.describe_target_groups()["TargetGroups"]
    (group,) = stack.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert stack.clients_let_in() == {"192.168.0.0/16": before["192.168.0.0/16"]}
    assert balancer["Scheme"] == "internal"
    assert listener["DefaultActions"][0]["TargetGroupArn"] == targets["TargetGroupArn"]
    assert group["TargetGroupARNs"] == [targets["TargetGroupArn"]]


def test_destroying_it_leaves_nothing_that_costs(stack: Stack) -> None:
    stack.pulumi("destroy", "--yes", "--skip-preview")

    ec2, balancing = stack.client("ec2"), stack.client("elbv2")
    instances = [
        instance["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    ]
    assert set(instances) == {"terminated"}
    assert stack.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert balancing.describe_load_balancers()["LoadBalancers"] == []
    assert balancing.describe_target_groups()["TargetGroups"] == []
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []
    groups = [group["GroupName"] for group in ec2.describe_security_groups()["SecurityGroups"]]
    assert set(groups) == {"default"}
