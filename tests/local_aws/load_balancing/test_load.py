"""No request is lost while targets come and go, and while haproxy is replaced."""

from __future__ import annotations

import time
from contextlib import closing

from .conftest import Load, World


class Closing(Load):
    """A load that ends with its block."""

    close = Load.end


def test_replacing_every_target_under_load_loses_no_request(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instances = [world.machine() for _ in range(4)]
    _, port = world.listener(balancer, group)
    old, new = instances[:2], instances[2:]
    world.register(group, *(instance_id for instance_id, _ in old))
    for instance_id, _ in old:
        world.wait_for(group, instance_id, "healthy")

    with closing(Closing(balancer["DNSName"], port)) as load:
        for (leaving, machine), (coming, _) in zip(old, new, strict=True):
            world.register(group, coming)
            world.wait_for(group, coming, "healthy")
            world.deregister(group, leaving)
            world.wait_for(group, leaving, "unused")
            assert machine
            machine.end()
            world.machines.remove(machine)
        before = len(load.answers)
        load.wait_for_answers(max(1000, before + 50))

    assert load.failures == []


def test_replacing_haproxy_under_load_loses_no_request(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, _ = world.machine()
    _, port = world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")

    with closing(Closing(balancer["DNSName"], port)) as load:
        for interval in (3, 4, 5):
            before = len(load.answers)
            world.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=interval)
            load.wait_for_answers(before + 100)

    assert load.failures == []


def test_describing_target_health_is_cheap(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, _ = world.machine()
    world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")

    began = time.monotonic()
    for _ in range(1000):
        world.backend.describe_target_health(group, [])

    assert time.monotonic() - began < 2, "it answers from memory: two milliseconds each at most"
