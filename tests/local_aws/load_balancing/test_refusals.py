"""What is refused says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from moto.elbv2.exceptions import ELBClientError

from local_aws.load_balancing import refusals

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"


@pytest.mark.parametrize(
    ("check", "value", "word"),
    [
        (refusals.check_protocol, "HTTPS", "HTTPS"),
        (refusals.check_actions, [{"Type": "redirect"}], "redirect"),
        (refusals.check_actions, [], "forward"),
        (
            refusals.check_actions,
            [{"Type": "forward", "ForwardConfig": {"TargetGroupStickinessConfig": {"Enabled": True}}}],
            "stickiness",
        ),
        (refusals.check_target_group, {"target_type": "ip"}, "instance"),
        (refusals.check_target_group, {"protocol": "HTTPS"}, "HTTP"),
        (refusals.check_target_group, {"protocol_version": "GRPC"}, "HTTP1"),
        (refusals.check_target_group, {"healthcheck_enabled": "false"}, "health checks"),
        (refusals.check_target_group, {"healthcheck_interval_seconds": 0}, "from 1 to 300"),
        (refusals.check_target_group, {"healthcheck_path": "healthz"}, "starts with /"),
        (refusals.check_target_group, {"healthcheck_port": "web"}, "traffic-port"),
        (refusals.check_target_group_attributes, {"stickiness.enabled": "true"}, "stickiness"),
        (refusals.check_target_group_attributes, {"deregistration_delay.timeout_seconds": "3601"}, "3600"),
        (refusals.check_target_group_attributes, {"deregistration.delay": "1"}, "deregistration.delay"),
        (refusals.check_load_balancer_attributes, {"idle_timeout.timeout_seconds": "0"}, "from 1 to 4000"),
        (refusals.check_load_balancer_attributes, {"access_logs.s3.enabled": "true"}, "access_logs"),
    ],
)
def test_what_would_do_nothing_is_refused_by_name(
    check: Callable[[Any], None], value: object, word: str
) -> None:
    with pytest.raises(ELBClientError, match=word):
        check(value)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (refusals.check_protocol, "HTTP"),
        (refusals.check_actions, [{"Type": "forward", "TargetGroupArn": ARN}]),
        (
            refusals.check_target_group,
            {"target_type": "instance", "protocol": "HTTP"},
        ),
        (refusals.check_target_group, {"healthcheck_port": "8080", "healthy_threshold_count": "2"}),
        (
            refusals.check_target_group_attributes,
            {"stickiness.enabled": "false", "stickiness.type": "lb_cookie"},
        ),
        (refusals.check_load_balancer_attributes, {"idle_timeout.timeout_seconds": "60"}),
        (
            refusals.check_load_balancer_attributes,
            {"routing.http.drop_invalid_header_fields.enabled": "true"},
        ),
    ],
)
def test_what_works_passes(check: Callable[[Any], None], value: object) -> None:
    check(value)
