"""The aws stand-in over its real protocol, each type through its life, with the inputs that infra gives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from moto.ec2.models import ec2_backends
from pulumi.runtime.proto import provider_pb2, status_pb2

from local_aws.home import ACCOUNT_ID, REGION
from local_aws.plugins.aws.provider import RESOURCES, is_on_this_machine, read_properties
from local_aws.plugins.aws.resource import Clients
from local_aws.plugins.command_properties import UNKNOWN
from tests.local_aws.plugins.conftest import Account
from tests.local_aws.plugins.engine import Engine, Made, start_plugin, urn_of

TAGS = {"Project": "p", "Name": "n"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
SESSION_MANAGER = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


@dataclass(kw_only=True)
class Workshop:
    """Makes what a resource under test needs, and takes it away in the right order."""

    engine: Engine
    account: Account
    made: list[Made] = field(default_factory=list)

    def make(self, token: str, inputs: dict[str, Any]) -> Made:
        """A resource that is deleted at the end."""
        made = self.engine.make(token, "one", inputs)
        self.made.append(made)
        return made

    def vpc(self) -> str:
        """The default VPC."""
        return str(self.engine.invoke("aws:ec2/getVpc:getVpc", {"default": True})["id"])

    def subnets(self) -> list[str]:
        """Two subnets of it."""
        return list(self.engine.invoke("aws:ec2/getSubnets:getSubnets", {})["ids"][:2])

    def image(self) -> str:
        """Some AMI."""
        return str(next(iter(ec2_backends[ACCOUNT_ID][REGION].amis)))

    def group_id(self) -> str:
        """A security group."""
        return self.make("aws:ec2/securityGroup:SecurityGroup", security_group(self)).id

    def role(self) -> str:
        """A role's name."""
        return self.make("aws:iam/role:Role", role(self)).id


@pytest.fixture
def workshop(engine: Engine, account: Account) -> Any:
    """A workshop that is cleared afterwards."""
    workshop = Workshop(engine=engine, account=account)
    yield workshop
    for made in reversed(workshop.made):
        engine.delete(made)


def security_group(workshop: Workshop) -> dict[str, Any]:
    return {"description": "d", "vpcId": workshop.vpc(), "tags": TAGS}


def rule(workshop: Workshop) -> dict[str, Any]:
    return {
        "securityGroupId": workshop.group_id(),
        "description": "d",
        "cidrIpv4": "10.0.0.0/8",
        "ipProtocol": "tcp",
        "fromPort": 80,
        "toPort": 80,
        "tags": TAGS,
    }


def role(_workshop: Workshop) -> dict[str, Any]:
    return {"assumeRolePolicy": TRUST, "tags": TAGS}


def attachment(workshop: Workshop) -> dict[str, Any]:
    return {"role": workshop.role(), "policyArn": SESSION_MANAGER}


def role_policy(workshop: Workshop) -> dict[str, Any]:
    return {"role": workshop.role(), "policy": policy_document("ssm:GetParameter")}


def policy_document(action: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def instance_profile(workshop: Workshop) -> dict[str, Any]:
    return {"role": workshop.role(), "tags": TAGS}


def launch_template(workshop: Workshop) -> dict[str, Any]:
    return {
        "imageId": workshop.image(),
        "instanceType": "t3.micro",
        "vpcSecurityGroupIds": [workshop.group_id()],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        },
        "monitoring": {"enabled": False},
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {
                    "volumeType": "gp3",
                    "volumeSize": 8,
                    "encrypted": "true",
                    "deleteOnTermination": "true",
                },
            }
        ],
        "tagSpecifications": [{"resourceType": "instance", "tags": TAGS}],
        "tags": TAGS,
    }


def load_balancer(workshop: Workshop) -> dict[str, Any]:
    return {
        "loadBalancerType": "application",
        "internal": False,
        "subnets": workshop.subnets(),
        "securityGroups": [workshop.group_id()],
        "dropInvalidHeaderFields": True,
        "tags": TAGS,
    }


def target_group(workshop: Workshop) -> dict[str, Any]:
    return {
        "vpcId": workshop.vpc(),
        "port": 8080,
        "protocol": "HTTP",
        "deregistrationDelay": 30,
        "healthCheck": {
            "path": "/healthz",
            "interval": 10,
            "timeout": 5,
            "healthyThreshold": 2,
            "matcher": "200",
        },
        "tags": TAGS,
    }


def listener(workshop: Workshop) -> dict[str, Any]:
    return {
        "loadBalancerArn": workshop.make("aws:lb/loadBalancer:LoadBalancer", load_balancer(workshop)).id,
        "port": 80,
        "protocol": "HTTP",
        "defaultActions": [
            {
                "type": "forward",
                "targetGroupArn": workshop.make("aws:lb/targetGroup:TargetGroup", target_group(workshop)).id,
            }
        ],
        "tags": TAGS,
    }


def group(workshop: Workshop) -> dict[str, Any]:
    template = workshop.make("aws:ec2/launchTemplate:LaunchTemplate", launch_template(workshop))
    return {
        "minSize": 0,
        "maxSize": 2,
        "desiredCapacity": 0,
        "healthCheckType": "ELB",
        "healthCheckGracePeriod": 20,
        "vpcZoneIdentifiers": workshop.subnets(),
        "launchTemplate": {"id": template.id, "version": "1"},
        "waitForCapacityTimeout": "0",
        "tags": [{"key": "Project", "value": "p", "propagateAtLaunch": False}],
    }


def policy(workshop: Workshop) -> dict[str, Any]:
    return {
        "autoscalingGroupName": workshop.make("aws:autoscaling/group:Group", group(workshop)).id,
        "policyType": "TargetTrackingScaling",
        "targetTrackingConfiguration": {
            "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
            "targetValue": 60,
        },
    }


def metric_alarm(_workshop: Workshop) -> dict[str, Any]:
    return {
        "alarmDescription": "d",
        "namespace": "AWS/ApplicationELB",
        "metricName": "HTTPCode_Target_5XX_Count",
        "dimensions": {"LoadBalancer": "app/a/1", "TargetGroup": "targetgroup/b/2"},
        "statistic": "Sum",
        "period": 60,
        "evaluationPeriods": 1,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "threshold": 10,
        "treatMissingData": "notBreaching",
        "tags": TAGS,
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """A type, its usual inputs, and a change that it takes in place."""

    inputs: Callable[[Workshop], dict[str, Any]]
    change: dict[str, Any] = field(default_factory=dict)
    replaced_by: dict[str, Any] = field(default_factory=dict)


OTHER_TAGS = {"tags": {"Project": "q"}}
CASES = {
    "aws:ec2/securityGroup:SecurityGroup": Case(
        inputs=security_group, change=OTHER_TAGS, replaced_by={"description": "e"}
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Case(
        inputs=rule,
        change={"cidrIpv4": "10.1.0.0/16", "toPort": 81, **OTHER_TAGS},
        replaced_by={"securityGroupId": "sg-0123456789abcdef0"},
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Case(
        inputs=rule, change={"toPort": 81}, replaced_by={"securityGroupId": "sg-0123456789abcdef0"}
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Case(
        inputs=launch_template, change={"instanceType": "t3.small"}, replaced_by={"name": "another"}
    ),
    "aws:iam/role:Role": Case(inputs=role, change=OTHER_TAGS, replaced_by={"path": "/x/"}),
    "aws:iam/rolePolicy:RolePolicy": Case(
        inputs=role_policy,
        change={"policy": policy_document("ssm:GetParameters")},
        replaced_by={"name": "another"},
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Case(
        inputs=attachment, replaced_by={"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    ),
    "aws:iam/instanceProfile:InstanceProfile": Case(
        inputs=instance_profile, change=OTHER_TAGS, replaced_by={"path": "/x/"}
    ),
    "aws:lb/loadBalancer:LoadBalancer": Case(
        inputs=load_balancer, change=OTHER_TAGS, replaced_by={"internal": True}
    ),
    "aws:lb/targetGroup:TargetGroup": Case(
        inputs=target_group, change={"deregistrationDelay": 5}, replaced_by={"port": 81}
    ),
    "aws:lb/listener:Listener": Case(
        inputs=listener, change={"port": 81}, replaced_by={"loadBalancerArn": "arn:other"}
    ),
    "aws:autoscaling/group:Group": Case(inputs=group, change={"maxSize": 3}, replaced_by={"name": "another"}),
    "aws:autoscaling/policy:Policy": Case(
        inputs=policy,
        change={
            "targetTrackingConfiguration": {
                "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
                "targetValue": 50,
            }
        },
        replaced_by={"autoscalingGroupName": "another"},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Case(
        inputs=metric_alarm, change={**OTHER_TAGS, "threshold": 20.5}, replaced_by={"name": "another"}
    ),
}


def test_every_type_that_is_served_is_tested() -> None:
    assert CASES.keys() == RESOURCES.keys()


@pytest.mark.parametrize("token", CASES)
def test_the_same_inputs_are_no_change_and_a_refresh_finds_no_drift(token: str, workshop: Workshop) -> None:
    inputs = CASES[token].inputs(workshop)
    made = workshop.make(token, inputs)

    diff = workshop.engine.diff(made, inputs)
    read = workshop.engine.read(made)

    assert list(diff.diffs) == []
    assert read.id == made.id
    refreshed = Made(urn=made.urn, id=made.id, inputs=_plain(read.inputs), state=_plain(read.properties))
    assert refreshed.inputs == made.inputs
    assert list(workshop.engine.diff(refreshed, inputs).diffs) == []


@pytest.mark.parametrize("token", [token for token, case in CASES.items() if case.change])
def test_a_change_in_place_is_made_and_read_back(token: str, workshop: Workshop) -> None:
    case = CASES[token]
    inputs = case.inputs(workshop)
    made = workshop.make(token, inputs)
    changed = {**inputs, **case.change}

    diff = workshop.engine.diff(made, changed)
    state = workshop.engine.update(made, changed)

    assert list(diff.diffs) == sorted(case.change)
    assert list(diff.replaces) == []
    after = Made(urn=made.urn, id=made.id, inputs={**made.inputs, **case.change}, state=state)
    assert _plain(workshop.engine.read(after).inputs) == after.inputs


@pytest.mark.parametrize("token", CASES)
def test_what_cannot_change_in_place_replaces(token: str, workshop: Workshop) -> None:
    case = CASES[token]
    inputs = case.inputs(workshop)
    made = workshop.make(token, inputs)

    diff = workshop.engine.diff(made, {**inputs, **case.replaced_by})

    assert list(diff.replaces) == list(case.replaced_by)


@pytest.mark.parametrize("token", CASES)
def test_a_deleted_resource_is_gone_and_deleting_it_again_succeeds(token: str, workshop: Workshop) -> None:
    made = workshop.make(token, CASES[token].inputs(workshop))

    workshop.engine.delete(made)

    assert workshop.engine.read(made).id == ""
    workshop.engine.delete(made)


def test_outputs_that_aws_gives_are_unknown_in_a_preview(workshop: Workshop) -> None:
    known = workshop.engine.preview_create("aws:lb/loadBalancer:LoadBalancer", load_balancer(workshop))

    assert (known["arn"], known["dnsName"]) == (UNKNOWN, UNKNOWN)
    assert known["loadBalancerType"] == "application"


def test_a_name_that_was_made_up_is_kept(workshop: Workshop) -> None:
    inputs = role(workshop)
    made = workshop.make("aws:iam/role:Role", inputs)

    again = workshop.engine.check(made.urn, inputs, made.inputs)

    assert made.inputs["name"].startswith("one-")
    assert _plain(again.inputs)["name"] == made.inputs["name"]


def test_a_resource_whose_name_was_made_up_is_replaced_before_the_old_one_goes(workshop: Workshop) -> None:
    inputs = target_group(workshop)
    made = workshop.make("aws:lb/targetGroup:TargetGroup", inputs)
    named = workshop.make("aws:lb/targetGroup:TargetGroup", {**inputs, "name": "given"})

    assert not workshop.engine.diff(made, {**inputs, "port": 9090}).deleteBeforeReplace
    assert workshop.engine.diff(named, {**inputs, "name": "given", "port": 9090}).deleteBeforeReplace
    assert not workshop.engine.diff(named, {**inputs, "name": "other", "port": 9090}).deleteBeforeReplace


def test_a_name_that_was_given_is_not_kept_when_it_is_given_no_longer(workshop: Workshop) -> None:
    inputs = target_group(workshop)
    named = workshop.make("aws:lb/targetGroup:TargetGroup", {**inputs, "name": "given"})

    assert list(workshop.engine.diff(named, inputs).replaces) == ["name"]


def test_a_name_that_would_be_too_long_is_refused_and_not_cut(engine: Engine) -> None:
    urn = urn_of("aws:lb/targetGroup:TargetGroup", "a-name-of-26-characters-is")

    (failure,) = engine.check(urn, {"vpcId": "vpc-1", "port": 80, "protocol": "HTTP"}).failures

    assert failure.property == "name"
    assert "name 'a-name-of-26-characters-is-' plus 7 random chars is longer than maximum" in failure.reason


def test_a_load_balancer_takes_other_subnets_in_place(workshop: Workshop) -> None:
    inputs = load_balancer(workshop)
    made = workshop.make("aws:lb/loadBalancer:LoadBalancer", inputs)
    subnets = workshop.engine.invoke("aws:ec2/getSubnets:getSubnets", {})["ids"]
    changed = {**inputs, "subnets": subnets[1:3]}

    assert list(workshop.engine.diff(made, changed).replaces) == []
    assert sorted(workshop.engine.update(made, changed)["subnets"]) == sorted(subnets[1:3])
    assert sorted(_plain(workshop.engine.read(made).inputs)["subnets"]) == sorted(subnets[1:3])


def test_a_rule_for_another_kind_of_source_is_another_rule(workshop: Workshop) -> None:
    inputs = rule(workshop)
    made = workshop.make("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", inputs)
    by_group = {**inputs, "referencedSecurityGroupId": inputs["securityGroupId"]}
    del by_group["cidrIpv4"]

    diff = workshop.engine.diff(made, by_group)

    assert list(diff.replaces) == ["cidrIpv4", "referencedSecurityGroupId"]


def test_an_imported_rule_shows_what_it_lets_in(workshop: Workshop) -> None:
    inputs = rule(workshop)
    made = workshop.make("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", inputs)

    imported = workshop.engine.read(Made(urn=made.urn, id=made.id, inputs={}, state={}))

    assert _plain(imported.inputs) == inputs


def test_a_launch_template_version_of_somebody_else_shows_in_all_that_it_launches(workshop: Workshop) -> None:
    inputs = launch_template(workshop)
    made = workshop.make("aws:ec2/launchTemplate:LaunchTemplate", inputs)
    workshop.account.client("ec2").create_launch_template_version(
        LaunchTemplateId=made.id,
        LaunchTemplateData={
            "ImageId": inputs["imageId"],
            "InstanceType": "t3.micro",
            "UserData": "IyEvYmluL3NoCg==",
            "MetadataOptions": {"HttpTokens": "optional"},
        },
    )

    read = workshop.engine.read(made)
    drifted = Made(urn=made.urn, id=made.id, inputs=_plain(read.inputs), state=_plain(read.properties))

    assert drifted.inputs["userData"] == "IyEvYmluL3NoCg=="
    assert drifted.inputs["metadataOptions"] == {"httpTokens": "optional"}
    assert sorted(workshop.engine.diff(drifted, inputs).diffs) == [
        "blockDeviceMappings",
        "metadataOptions",
        "monitoring",
        "tagSpecifications",
        "userData",
        "vpcSecurityGroupIds",
    ]


def test_a_resource_that_exists_and_could_not_be_completed_is_kept_and_completed_by_the_next_update(
    workshop: Workshop,
) -> None:
    token, inputs = "aws:iam/instanceProfile:InstanceProfile", {"role": "later", "name": "half-made"}
    with pytest.raises(grpc.RpcError, match="one: AddRoleToInstanceProfile: NoSuchEntity") as failed:
        workshop.engine.make(token, "one", inputs)
    kept = half_made(failed.value)
    workshop.make("aws:iam/role:Role", {**role(workshop), "name": "later"})
    workshop.made.append(Made(urn=urn_of(token, "one"), id=kept.id, inputs=_plain(kept.inputs), state={}))

    completed = workshop.engine.update(workshop.made[-1], inputs)

    assert kept.id == "half-made"
    assert completed["role"] == "later"
    described = workshop.account.client("iam").get_instance_profile(InstanceProfileName="half-made")
    assert [one["RoleName"] for one in described["InstanceProfile"]["Roles"]] == ["later"]


def half_made(error: Any) -> Any:
    """The ErrorResourceInitFailed that the engine finds in the details of *error*."""
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return detail


def test_another_image_makes_a_launch_template_version_whose_number_a_preview_cannot_know(
    workshop: Workshop,
) -> None:
    inputs = launch_template(workshop)
    made = workshop.make("aws:ec2/launchTemplate:LaunchTemplate", inputs)
    changed = {**inputs, "instanceType": "t3.small"}

    previewed = workshop.engine.update(made, changed, preview=True)
    updated = workshop.engine.update(made, changed)

    assert (made.state["latestVersion"], previewed["latestVersion"], updated["latestVersion"]) == (
        1,
        UNKNOWN,
        2,
    )


def test_an_update_of_a_group_leaves_alone_what_a_rollout_has_moved(workshop: Workshop) -> None:
    inputs = group(workshop)
    made = workshop.make("aws:autoscaling/group:Group", inputs)
    template_id = inputs["launchTemplate"]["id"]
    workshop.account.client("ec2").create_launch_template_version(
        LaunchTemplateId=template_id,
        LaunchTemplateData={"ImageId": workshop.image(), "InstanceType": "t3.micro"},
    )
    scaling = workshop.account.client("autoscaling")
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=made.id, LaunchTemplate={"LaunchTemplateId": template_id, "Version": "2"}
    )

    workshop.engine.update(made, {**inputs, "maxSize": 5})

    described = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[made.id])["AutoScalingGroups"][0]
    assert (described["MaxSize"], described["LaunchTemplate"]["Version"]) == (5, "2")


def test_drift_is_found_by_reading(workshop: Workshop) -> None:
    made = workshop.make("aws:autoscaling/group:Group", group(workshop))
    workshop.account.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=made.id, MaxSize=7)

    assert _plain(workshop.engine.read(made).inputs)["maxSize"] == 7


def test_an_alarm_on_a_percentile_gives_no_other_statistic(workshop: Workshop) -> None:
    percentile = {
        name: value for name, value in metric_alarm(workshop).items() if name not in ("statistic", "tags")
    }
    made = workshop.make("aws:cloudwatch/metricAlarm:MetricAlarm", {**percentile, "extendedStatistic": "p99"})

    described = workshop.account.client("cloudwatch").describe_alarms(AlarmNames=[made.id])["MetricAlarms"][0]

    assert described["ExtendedStatistic"] == "p99"
    assert "Statistic" not in described
    assert described["ActionsEnabled"] is True


def test_an_alarm_on_metric_math_is_refused(engine: Engine) -> None:
    failures = engine.failures("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricQueries": [{"id": "m1"}]})

    assert "not supported by the local aws plugin" in failures["metricQueries"]


def test_an_undeclared_property_is_refused_with_the_nearest_name(engine: Engine) -> None:
    failures = engine.failures("aws:autoscaling/group:Group", {"minSise": 1})

    assert "did you mean minSize?" in failures["minSise"]


def test_an_undeclared_nested_property_is_refused(engine: Engine) -> None:
    failures = engine.failures("aws:ec2/launchTemplate:LaunchTemplate", {"monitoring": {"enable": True}})

    assert "did you mean enabled?" in failures["monitoring.enable"]


def test_a_declared_property_that_would_be_ignored_is_refused(engine: Engine) -> None:
    failures = engine.failures("aws:autoscaling/group:Group", {"instanceRefresh": {"strategy": "Rolling"}})

    assert "not supported by the local aws plugin" in failures["instanceRefresh"]


def test_a_type_that_is_not_served_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError, match="aws:s3/bucket:Bucket is not served by the local aws plugin"):
        engine.make("aws:s3/bucket:Bucket", "one", {})


def test_a_function_that_is_not_served_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError, match="aws:rds/getInstance:getInstance is not served"):
        engine.invoke("aws:rds/getInstance:getInstance", {})


def test_where_an_instance_type_is_offered_is_told_by_zone(engine: Engine) -> None:
    filters = [{"name": "instance-type", "values": ["t3.small"]}]

    answer = engine.invoke(
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings",
        {"locationType": "availability-zone", "filters": filters},
    )

    # us-east-1e has no t3, as on AWS.
    assert sorted(answer["locations"]) == [f"us-east-1{letter}" for letter in "abcdf"]
    assert set(answer["instanceTypes"]) == {"t3.small"}


def test_the_partition_is_that_of_the_region(engine: Engine) -> None:
    assert engine.invoke("aws:index/getPartition:getPartition", {})["partition"] == "aws"


def test_an_ami_that_is_not_there_is_told_in_the_real_plugins_words(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError, match="Your query returned no results"):
        engine.invoke("aws:ec2/getAmi:getAmi", {"owners": ["self"]})


def test_amis_that_are_too_many_are_told_in_the_real_plugins_words(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError, match="Your query returned more than one result"):
        engine.invoke("aws:ec2/getAmi:getAmi", {"owners": ["amazon"]})


def test_awss_refusal_is_one_line_that_names_the_resource(engine: Engine) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        engine.make(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "one",
            {"role": "nobody", "policyArn": SESSION_MANAGER},
        )

    assert "one: AttachRolePolicy: NoSuchEntity" in str(refused.value)


@pytest.mark.parametrize(
    ("url", "is_on_it"),
    [
        ("http://127.0.0.1:5570", True),
        ("http://127.1.2.3:80", True),
        ("http://localhost:5570", True),
        ("http://[::1]:5570", True),
        ("https://127.0.0.1.example.com", False),
        ("https://127.example.com", False),
        ("http://10.0.0.1:5570", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_a_host_name_that_begins_like_an_address_of_this_machine_is_none(url: str, is_on_it: bool) -> None:
    assert is_on_this_machine(url) is is_on_it


def test_what_leads_to_a_real_account_or_a_proxy_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5570")
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "https://ec2.us-east-1.amazonaws.com")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")

    client = Clients(region="eu-central-1")("ec2")

    assert client.meta.endpoint_url == "http://127.0.0.1:5570"
    assert client.meta.config.proxies == {}


@pytest.mark.parametrize("endpoint_url", ["", "https://ec2.us-east-1.amazonaws.com"])
def test_it_never_starts_without_an_endpoint_on_this_machine(endpoint_url: str) -> None:
    process = start_plugin({**os.environ, "AWS_ENDPOINT_URL": endpoint_url})
    output, error = process.communicate(timeout=30)

    assert process.returncode != 0
    assert output == ""
    assert f"AWS_ENDPOINT_URL is {endpoint_url!r}" in error


def _plain(struct: Any) -> dict[str, Any]:
    return read_properties(struct)
