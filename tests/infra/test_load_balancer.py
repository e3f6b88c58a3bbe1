"""What the load balancer lets in, listens on, checks and tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from infra.load_balancer import LoadBalancer, LoadBalancerArgs, format_url
from tests.infra import mocked

ARGS = LoadBalancerArgs(
    vpc_id="vpc-1",
    subnet_ids=["subnet-a", "subnet-b"],
    is_internal=False,
    listener_port=80,
    certificate_arn=None,
    allowed_cidr_blocks=["0.0.0.0/0"],
    application_port=8080,
    health_check_path="/healthz",
    health_check_interval_seconds=10,
    healthy_threshold=2,
    unhealthy_threshold=3,
    deregistration_delay_seconds=30,
    tags={"Project": "immutable-machines", "Stack": "dev"},
)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"


def create(args: LoadBalancerArgs, name: str = "web-dev") -> tuple[mocked.RecordingMocks, list[Any]]:
    """Create it on mocks and return its outputs."""

    def program() -> pulumi.Output[Any]:
        balancer = LoadBalancer(name, args)
        return pulumi.Output.all(
            balancer.url,
            balancer.target_group_arn,
            balancer.security_group_id,
            balancer.arn_suffix,
            balancer.target_group_arn_suffix,
        )

    return mocked.run(program)


def test_outputs_are_the_url_the_target_group_the_security_group_and_cloudwatchs_names() -> None:
    _, outputs = create(ARGS)

    assert outputs == [
        "http://web.elb.example",
        "arn:tg",
        "web-dev-load-balancer-id",
        "app/web/1",
        "targetgroup/web/2",
    ]


def test_clients_reach_the_listener_port_only_and_only_from_the_allowed_networks() -> None:
    mocks, _ = create(replace(ARGS, allowed_cidr_blocks=["10.0.0.0/8", "192.168.0.0/16"]))

    rules = mocks.all_of(":SecurityGroupIngressRule")
    assert [(rule.name, rule.inputs["cidrIpv4"]) for rule in rules] == [
        ("web-dev-load-balancer-from-10.0.0.0/8", "10.0.0.0/8"),
        ("web-dev-load-balancer-from-192.168.0.0/16", "192.168.0.0/16"),
    ]
    assert {(rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in rules} == {(80, 80)}
    group = mocks.inputs_of(":SecurityGroup")
    assert not group.get("ingress")
    assert not group.get("egress")


def test_malformed_headers_are_dropped_and_it_is_public_unless_internal() -> None:
    mocks, _ = create(ARGS)

    balancer = mocks.inputs_of(":LoadBalancer")
    assert balancer["dropInvalidHeaderFields"] is True
    assert balancer["internal"] is False
    assert balancer["subnets"] == ["subnet-a", "subnet-b"]


def test_a_machine_is_healthy_when_its_health_path_answers_200() -> None:
    mocks, _ = create(replace(ARGS, health_check_interval_seconds=5, deregistration_delay_seconds=7))

    group = mocks.inputs_of(":TargetGroup")
    assert group["port"] == 8080
    assert group["deregistrationDelay"] == 7
    assert group["healthCheck"] == {
        "path": "/healthz",
        "interval": 5,
        "timeout": 4,
        "healthyThreshold": 2,
        "unhealthyThreshold": 3,
        "matcher": "200",
    }


def test_a_long_interval_does_not_make_a_timeout_that_aws_refuses() -> None:
    mocks, _ = create(replace(ARGS, health_check_interval_seconds=300))

    assert mocks.inputs_of(":TargetGroup")["healthCheck"]["timeout"] == 5


def test_without_a_certificate_it_is_http() -> None:
    mocks, outputs = create(replace(ARGS, listener_port=8080))

    listener = mocks.inputs_of(":Listener")
    assert (listener["protocol"], listener["port"]) == ("HTTP", 8080)
    assert not listener.keys() & {"certificateArn", "sslPolicy"}
    assert outputs[0] == "http://web.elb.example:8080"


def test_with_a_certificate_it_is_https_without_old_protocols() -> None:
    mocks, outputs = create(replace(ARGS, listener_port=443, certificate_arn=CERTIFICATE))

    listener = mocks.inputs_of(":Listener")
    assert (listener["protocol"], listener["certificateArn"]) == ("HTTPS", CERTIFICATE)
    assert listener["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    assert outputs[0] == "https://web.elb.example"


def test_a_long_stack_name_leaves_room_in_the_32_characters_that_aws_allows() -> None:
    mocks, _ = create(ARGS, "web-app-a-very-long-stack-name-of-somebody")

    for kind in (":LoadBalancer", ":TargetGroup"):
        (resource,) = [one for one in mocks.all_of(kind) if one.typ.startswith("aws:")]
        assert len(resource.name) <= 24
        assert "name" not in resource.inputs


def test_everything_that_can_have_tags_has_them() -> None:
    mocks, _ = create(ARGS)

    children = [resource for resource in mocks.resources if resource.typ.startswith("aws:")]
    expected = {"Project": "immutable-machines", "Stack": "dev", "Name": "web-dev"}
    assert {resource.typ for resource in children if resource.inputs.get("tags") != expected} == set()


@pytest.mark.parametrize(
    ("port", "is_https", "url"),
    [
        (80, False, "http://a"),
        (443, True, "https://a"),
        (8080, False, "http://a:8080"),
        (8443, True, "https://a:8443"),
        (443, False, "http://a:443"),
        (80, True, "https://a:80"),
    ],
)
def test_a_url_names_its_port_where_it_is_not_the_schemes_own(port: int, is_https: bool, url: str) -> None:
    assert format_url("a", port, is_https=is_https) == url
