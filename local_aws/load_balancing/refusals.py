"""What a local load balancer does not do is refused here, in one line that says what to do instead. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moto.elbv2.exceptions import ELBClientError

MAX_IDLE_TIMEOUT_SECONDS = 4000
MAX_DEREGISTRATION_DELAY_SECONDS = 3600
MAX_SLOW_START_SECONDS = 900

# The values that mean "as AWS does it by itself", and those that change nothing here (see DIFFERENCES.md).
LOAD_BALANCER_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "access_logs.s3.enabled": ("false",),
    "access_logs.s3.bucket": ("",),
    "access_logs.s3.prefix": ("",),
    "client_keep_alive.seconds": ("3600",),
    "connection_logs.s3.enabled": ("false",),
    "connection_logs.s3.bucket": ("",),
    "connection_logs.s3.prefix": ("",),
    "deletion_protection.enabled": ("true", "false"),
    "health_check_logs.s3.enabled": ("false",),
    "ipv6.deny_all_igw_traffic": ("false",),
    "load_balancing.cross_zone.enabled": ("true", "false"),
    "routing.http.desync_mitigation_mode": ("defensive", "strictest"),
    "routing.http.drop_invalid_header_fields.enabled": ("true", "false"),
    "routing.http.preserve_host_header.enabled": ("true", "false"),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": ("false",),
    "routing.http.xff_client_port.enabled": ("false",),
    "routing.http.xff_header_processing.mode": ("append",),
    "routing.http2.enabled": ("true", "false"),
    "waf.fail_open.enabled": ("true", "false"),
    "zonal_shift.config.enabled": ("false",),
}
TARGET_GROUP_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "load_balancing.algorithm.type": ("round_robin", "least_outstanding_requests"),
    "load_balancing.algorithm.anomaly_mitigation": ("off",),
    "load_balancing.cross_zone.enabled": ("true", "false", "use_load_balancer_configuration"),
    "stickiness.enabled": ("false",),
    "target_group_health.dns_failover.minimum_healthy_targets.count": ("1",),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": ("off",),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": ("1",),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": ("off",),
    "waf.fail_open.enabled": ("true", "false"),
}
STICKINESS_DETAILS = ("stickiness.type", "stickiness.lb_cookie.", "stickiness.app_cookie.")


def unsupported(what: str, instead: str) -> ELBClientError:
    """The error for something that AWS does and a local load balancer does not."""
    return ELBClientError(
        "OperationNotPermitted", f"{what} · a local load balancer does not do that · {instead}"
    )


def invalid(what: str) -> ELBClientError:
    """The error for a value that AWS refuses too."""
    return ELBClientError("ValidationError", what)


def check_load_balancer(kind: str | None, ip_address_type: str | None) -> None:
    """Refuse load balancers that are no Application Load Balancer on IPv4."""
    if kind not in (None, "application"):
        raise unsupported(f"load balancer type {kind!r}", "use type application")
    if ip_address_type not in (None, "ipv4"):
        raise unsupported(f"IP address type {ip_address_type!r}", "use ipv4")


def check_protocol(protocol: str | None) -> None:
    """Refuse listeners that do not speak plain HTTP."""
    if protocol not in (None, "HTTP"):
        raise unsupported(
            f"listener protocol {protocol!r}",
            "use HTTP for a local run: leave the certificate unset",
        )


def check_actions(actions: Iterable[Mapping[str, Any]]) -> None:
    """Refuse default actions other than forward (without stickiness) and fixed-response."""
    kinds = []
    for action in actions:
        kinds.append(action.get("Type"))
        stickiness = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
        if str(stickiness.get("Enabled", False)).lower() == "true":
            raise unsupported("target group stickiness", "leave it off")
    if kinds not in (["forward"], ["fixed-response"]):
        raise unsupported(f"default actions {kinds}", "use one forward or one fixed-response action")


def check_target_group(values: Mapping[str, Any]) -> None:
    """Refuse target groups that are not HTTP/1.1 to instances, and health checks out of range."""
    for name, allowed in (
        ("target_type", "instance"),
        ("protocol", "HTTP"),
        ("protocol_version", "HTTP1"),
        ("healthcheck_protocol", "HTTP"),
        ("ip_address_type", "ipv4"),
    ):
        if values.get(name) not in (None, allowed):
            raise unsupported(f"target group {name} {values[name]!r}", f"use {allowed}")
    if str(values.get("healthcheck_enabled", "true")).lower() == "false":
        raise unsupported("a target group without health checks", "leave them on")
    check_health_check(values)


def check_health_check(values: Mapping[str, Any]) -> None:
    """Refuse health check numbers that mean nothing; lower bounds are laxer than AWS's, for quick runs."""
    for name, highest in (
        ("healthcheck_interval_seconds", 300),
        ("healthcheck_timeout_seconds", 120),
        ("healthy_threshold_count", 10),
        ("unhealthy_threshold_count", 10),
    ):
        value = values.get(name)
        if value is not None and not (str(value).isdigit() and 1 <= int(value) <= highest):
            raise invalid(f"{name} {value!r} · a number from 1 to {highest} was expected · change it")
    path = values.get("healthcheck_path")
    if path is not None and not str(path).startswith("/"):
        raise invalid(f"health check path {path!r} · a path that starts with / was expected · change it")
    port = values.get("healthcheck_port")
    if port not in (None, "traffic-port") and not (str(port).isdigit() and 1 <= int(port) <= 65535):
        raise invalid(f"health check port {port!r} · traffic-port or 1 to 65535 was expected · change it")


def check_load_balancer_attributes(attributes: Mapping[str, str]) -> None:
    """Refuse load balancer attributes that would be recorded and then do nothing."""
    for name, value in attributes.items():
        if name == "idle_timeout.timeout_seconds":
            _check_range(name, value, 1, MAX_IDLE_TIMEOUT_SECONDS)
        elif name in LOAD_BALANCER_ATTRIBUTES and value not in LOAD_BALANCER_ATTRIBUTES[name]:
            raise unsupported(f"{name} = {value!r}", f"use {' or '.join(LOAD_BALANCER_ATTRIBUTES[name])}")


def check_target_group_attributes(attributes: Mapping[str, str]) -> None:
    """Refuse target group attributes that would be recorded and then do nothing."""
    for name, value in attributes.items():
        if name == "deregistration_delay.timeout_seconds":
            _check_range(name, value, 0, MAX_DEREGISTRATION_DELAY_SECONDS)
        elif name == "slow_start.duration_seconds":
            _check_range(name, value, 0, MAX_SLOW_START_SECONDS)
        elif name in TARGET_GROUP_ATTRIBUTES and value not in TARGET_GROUP_ATTRIBUTES[name]:
            raise unsupported(f"{name} = {value!r}", f"use {' or '.join(TARGET_GROUP_ATTRIBUTES[name])}")
        elif name not in TARGET_GROUP_ATTRIBUTES and not name.startswith(STICKINESS_DETAILS):
            raise invalid(f"target group attribute {name!r} · a known name was expected · remove it")


def _check_range(name: str, value: str, lowest: int, highest: int) -> None:
    if not (str(value).isdigit() and lowest <= int(value) <= highest):
        raise invalid(f"{name} = {value!r} · a number from {lowest} to {highest} was expected · change it")
