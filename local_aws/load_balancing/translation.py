"""moto's load balancers, listeners and target groups as the plain values of model.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moto.ec2.models.instances import Instance
from moto.elbv2.models import ELBv2Backend, FakeListener, FakeLoadBalancer, FakeTargetGroup

from local_aws.load_balancing.model import (
    Configuration,
    FixedResponse,
    Forward,
    HealthCheck,
    Listener,
    Target,
    TargetGroup,
    WeightedGroup,
)

DEFAULT_IDLE_TIMEOUT_SECONDS = 60  # Elastic Load Balancing API, LoadBalancerAttribute


def group_name(arn: str) -> str:
    """The haproxy name of the target group *arn*: its own name and the digits that make it unique."""
    return "-".join(arn.rsplit("/", 2)[-2:])


def instances_by_id(elbv2: ELBv2Backend) -> dict[str, Instance]:
    """Every EC2 instance of the account and region of *elbv2*."""
    reservations = list(elbv2.ec2_backend.reservations.values())
    return {instance.id: instance for one in reservations for instance in list(one.instances)}


def forwarded_groups(actions: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The target group ARNs that *actions* forward to, with their weights."""
    for action in actions:
        if action.get("Type") != "forward":
            continue
        if "TargetGroupArn" in action:
            return {str(action["TargetGroupArn"]): 1}
        groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
        return {str(one["TargetGroupArn"]): int(one.get("Weight", 1)) for one in groups}
    return {}


def listener_groups(listener: FakeListener) -> dict[str, int]:
    """The target group ARNs that *listener* forwards to, with their weights."""
    return forwarded_groups(action.data for action in listener.default_actions)


def idle_timeout(balancer: FakeLoadBalancer) -> int:
    """How long *balancer* waits for a silent client or target."""
    return int(balancer.attrs.get("idle_timeout.timeout_seconds", DEFAULT_IDLE_TIMEOUT_SECONDS))


def read_listener(balancer: FakeLoadBalancer, listener: FakeListener) -> Listener:
    """What *listener* is to do."""
    action: Forward | FixedResponse
    if groups := listener_groups(listener):
        weighted = (WeightedGroup(name=group_name(arn), weight=weight) for arn, weight in groups.items())
        action = Forward(groups=tuple(weighted))
    else:
        answer = listener.default_actions[0].data["FixedResponseConfig"]
        action = FixedResponse(
            status=int(answer["StatusCode"]),
            content_type=answer.get("ContentType") or "text/plain",
            body=answer.get("MessageBody") or "",
        )
    return Listener(
        name="listener-" + listener.arn.rsplit("/", 1)[-1],
        load_balancer=balancer.name,
        address=balancer.dns_name,
        port=int(listener.port),
        idle_timeout_seconds=idle_timeout(balancer),
        action=action,
    )


def read_health_check(group: FakeTargetGroup) -> HealthCheck:
    """How *group* checks its targets."""
    port = group.health_check_port
    return HealthCheck(
        path=group.health_check_path or "/",
        port=None if port in (None, "traffic-port") else int(port),
        interval_seconds=int(group.health_check_interval_seconds),
        timeout_seconds=int(group.health_check_timeout_seconds),
        healthy_threshold=int(group.healthy_threshold_count),
        unhealthy_threshold=int(group.unhealthy_threshold_count),
        codes=str(group.matcher.get("HttpCode") or "200").replace(" ", ""),
    )


def is_running(instance: Instance) -> bool:
    """Whether a machine is there to answer; the kernel tells that one has ended before its state is known."""
    return instance.state == "running" and not getattr(instance, "has_machine_ended", False)


def read_group(group: FakeTargetGroup, idle_seconds: int, instances: Mapping[str, Instance]) -> TargetGroup:
    """What *group* is to do."""
    targets = []
    for target in list(group.targets.values()):
        instance = instances.get(target["Id"])
        targets.append(
            Target(
                instance_id=target["Id"],
                address=instance.private_ip if instance else None,
                port=int(target["Port"]),
                is_running=instance is not None and is_running(instance),
            )
        )
    return TargetGroup(
        arn=group.arn,
        name=group_name(group.arn),
        algorithm=str(group.attributes["load_balancing.algorithm.type"]),
        deregistration_delay_seconds=int(str(group.attributes["deregistration_delay.timeout_seconds"])),
        slow_start_seconds=int(str(group.attributes["slow_start.duration_seconds"])),
        idle_timeout_seconds=idle_seconds,
        health_check=read_health_check(group),
        targets=tuple(targets),
    )


def read_configuration(backends: Iterable[ELBv2Backend]) -> Configuration:
    """What all load balancers in *backends* are to do."""
    listeners: list[Listener] = []
    groups: dict[str, TargetGroup] = {}
    for backend in backends:
        instances: dict[str, Instance] | None = None
        for balancer in list(backend.load_balancers.values()):
            for listener in list(balancer.listeners.values()):
                listeners.append(read_listener(balancer, listener))
                for arn in listener_groups(listener):
                    if arn in backend.target_groups and arn not in groups:
                        instances = instances_by_id(backend) if instances is None else instances
                        group = backend.target_groups[arn]
                        groups[arn] = read_group(group, idle_timeout(balancer), instances)
    return Configuration(listeners=tuple(listeners), groups=tuple(groups.values()))
