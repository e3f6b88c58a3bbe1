"""The ELBv2 API with a real haproxy behind it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local_aws.machines.instances import InstanceEvents

from .conftest import BROKEN_ANSWERS, Machine, World, free_port, get, wait_until


def haproxy_pids(world: World) -> list[int]:
    """The haproxy processes of this test's local AWS."""
    marker = str(world.home.folder)
    return [
        one.pid
        for one in psutil.process_iter(["name", "cmdline"])
        if one.info["name"] == "haproxy" and marker in " ".join(one.info["cmdline"] or [])
    ]


class SlowRequest:
    """A request that a machine has received and answers only when the test lets it."""

    def __init__(self, balancer: dict[str, Any], port: int, machine: Machine) -> None:
        self._answers: list[int] = []
        self._thread = threading.Thread(
            target=lambda: self._answers.append(get(balancer["DNSName"], port, "/slow")[0])
        )
        self._thread.start()
        wait_until(lambda: len(machine.requests) > 0, "the slow request arrived")

    def answer(self) -> int:
        """The status it got."""
        self._thread.join(20)
        return self._answers[0]


def test_forwards_to_every_healthy_target_with_the_headers_of_the_real_one(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (one, first), (two, second) = world.machine(), world.machine()
    _, port = world.listener(balancer, group)

    world.register(group, one, two)
    world.wait_for(group, one, "healthy")
    world.wait_for(group, two, "healthy")
    answers = Counter(get(balancer["DNSName"], port)[1] for _ in range(10))
    get(balancer["DNSName"], port, headers={"X-Forwarded-For": "192.0.2.7"})

    assert first
    assert second
    assert answers == {first.address: 5, second.address: 5}
    seen = next(r for r in first.requests + second.requests if r["x-forwarded-for"].startswith("192"))
    assert seen["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-forwarded-port"] == str(port)
    assert seen["x-amzn-trace-id"].startswith("Root=1-")
    assert len(seen["x-amzn-trace-id"]) == len("Root=1-67891233-abcdef012345678912345678")
    assert first.checks[0]["host"] == f"{first.address}:{world.service_port}"
    assert first.checks[0]["user-agent"] == "ELB-HealthChecker/2.0"


def test_a_registered_target_that_takes_over_an_address_is_checked_anew(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (old, machine), (new, _) = world.machine(), world.machine(serves=False)
    assert machine
    _, port = world.listener(balancer, group)
    world.register(group, old)
    world.wait_for(group, old, "healthy")
    slow = SlowRequest(balancer, port, machine)

    world.deregister(group, old)
    wait_until(lambda: get(balancer["DNSName"], port)[0] == 503, "nothing takes new requests")
    world.instance(new).nics[0].private_ip_address = machine.address
    world.instance(old).nics[0].private_ip_address = f"{world.home.network}.9"
    world.register(group, new)
    world.wait_for(group, new, "healthy")

    assert world.health(group, old)["State"] == "unused"
    assert slow.answer() == 502, "who had the address before cannot answer any more"
    assert get(balancer["DNSName"], port)[1] == machine.address


def test_a_draining_target_that_is_registered_again_serves_again(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    assert machine
    _, port = world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    slow = SlowRequest(balancer, port, machine)

    world.deregister(group, instance_id)
    wait_until(lambda: get(balancer["DNSName"], port)[0] == 503, "nothing takes new requests")
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    after = get(balancer["DNSName"], port)[0]
    machine.release.set()

    assert (after, slow.answer()) == (200, 200)


def test_a_request_in_flight_while_haproxy_is_replaced_keeps_its_target_draining(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    assert machine
    _, port = world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    slow = SlowRequest(balancer, port, machine)

    world.elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/")
    world.deregister(group, instance_id)
    wait_until(lambda: get(balancer["DNSName"], port)[0] == 503, "nothing takes new requests")
    draining = world.health(group, instance_id)["State"]
    machine.release.set()

    assert (draining, slow.answer()) == ("draining", 200)
    world.wait_for(group, instance_id, "unused")


def test_haproxy_gives_up_the_privileges_of_root(world: World) -> None:
    world.listener(world.load_balancer(), world.target_group())

    uids = psutil.Process(haproxy_pids(world)[0]).uids()

    assert uids.effective != 0
    assert uids.real != 0


def test_describes_a_load_balancer_that_is_active_at_the_homes_address(world: World) -> None:
    balancer = world.load_balancer()

    assert balancer["DNSName"] == world.home.load_balancer_address
    assert balancer["State"]["Code"] == "active"


def test_a_second_load_balancer_has_an_address_of_its_own_that_is_free_again_after_its_deletion(
    world: World,
) -> None:
    first, second = world.load_balancer(), world.load_balancer()
    groups = [world.target_group(), world.target_group()]
    instances = [world.machine(), world.machine()]
    port = free_port()

    for balancer, group, (instance_id, _) in zip((first, second), groups, instances, strict=True):
        world.listener(balancer, group, port)
        world.register(group, instance_id)
    for group, (instance_id, _) in zip(groups, instances, strict=True):
        world.wait_for(group, instance_id, "healthy")
    bodies = [get(one["DNSName"], port)[1] for one in (first, second)]
    world.elbv2.delete_load_balancer(LoadBalancerArn=second["LoadBalancerArn"])
    third = world.load_balancer()

    assert second["DNSName"] == f"{world.home.network}.2"
    assert bodies == [machine.address for _, machine in instances if machine]
    assert third["DNSName"] == second["DNSName"]
    with pytest.raises(ConnectionRefusedError):
        get(second["DNSName"], port)


def test_a_listener_on_a_taken_port_names_who_has_it_and_is_not_recorded(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    with socket.socket() as taken:
        taken.bind((balancer["DNSName"], 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ClientError) as refused:
            world.listener(balancer, group, port)

    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidConfigurationRequest"
    assert f"{balancer['DNSName']}:{port} is already taken by" in error["Message"]
    assert f"pid {os.getpid()}" in error["Message"]
    assert "another port" in error["Message"]
    listeners = world.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert listeners == []
    groups = world.elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert not groups[0].get("LoadBalancerArns")


def test_answers_503_without_targets_and_502_when_a_target_refuses(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    _, port = world.listener(balancer, group)

    empty = get(balancer["DNSName"], port)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    assert machine
    machine.end()
    world.machines.remove(machine)
    refused = get(balancer["DNSName"], port)

    assert (empty[0], empty[2]["server"]) == (503, "awselb/2.0")
    assert (refused[0], refused[2]["server"]) == (502, "awselb/2.0")


@pytest.mark.parametrize("path", BROKEN_ANSWERS)
def test_a_request_that_reached_a_target_is_never_sent_again(world: World, path: str) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (one, first), (two, second) = world.machine(), world.machine()
    assert first
    assert second
    _, port = world.listener(balancer, group)
    world.register(group, one, two)
    world.wait_for(group, one, "healthy")
    world.wait_for(group, two, "healthy")

    answers = [get(balancer["DNSName"], port, path) for _ in range(4)]

    assert [(status, headers["server"]) for status, _, headers in answers] == [(502, "awselb/2.0")] * 4
    assert (len(first.requests), len(second.requests)) == (2, 2)


def test_health_goes_from_unused_over_initial_to_healthy(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    assert machine
    machine.hang.set()

    not_registered = world.health(group, instance_id)
    world.register(group, instance_id)
    not_in_use = world.health(group, instance_id)
    world.listener(balancer, group)
    initial = world.wait_for(group, instance_id, "initial")
    wait_until(
        lambda: world.health(group, instance_id).get("Reason") == "Elb.InitialHealthChecking", "being checked"
    )
    machine.hang.clear()
    machine.release.set()
    healthy = world.wait_for(group, instance_id, "healthy")

    assert not_registered["Reason"] == "Target.NotRegistered"
    assert not_registered["State"] == not_in_use["State"] == "unused"
    assert not_in_use["Reason"] == "Target.NotInUse"
    assert initial["Reason"] in ("Elb.RegistrationInProgress", "Elb.InitialHealthChecking")
    assert healthy == {"State": "healthy"}


def test_an_unhealthy_target_gets_no_traffic_and_tells_its_reason_in_awss_words(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group(UnhealthyThresholdCount=1)
    (good, serving), (bad, failing) = world.machine(), world.machine()
    (mute, hanging), (gone, _) = world.machine(), world.machine(serves=False)
    assert serving
    assert failing
    assert hanging
    failing.health_status = 500
    hanging.hang.set()
    _, port = world.listener(balancer, group)

    world.register(group, good, bad, mute, gone)
    world.wait_for(group, good, "healthy")
    for one in (bad, mute, gone):
        world.wait_for(group, one, "unhealthy")
    wait_until(
        lambda: world.health(group, bad).get("Reason") == "Target.ResponseCodeMismatch", "its code is known"
    )
    reasons = [world.health(group, one) for one in (bad, mute, gone)]
    bodies = {get(balancer["DNSName"], port)[1] for _ in range(8)}

    assert reasons[0]["Reason"] == "Target.ResponseCodeMismatch"
    assert reasons[0]["Description"] == "Health checks failed with these codes: [500]"
    assert (reasons[1]["Reason"], reasons[1]["Description"]) == ("Target.Timeout", "Request timed out")
    assert (reasons[2]["Reason"], reasons[2]["Description"]) == (
        "Target.FailedHealthChecks",
        "Health checks failed",
    )
    assert bodies == {serving.address}


def test_fails_open_when_every_target_is_unhealthy_and_closes_again_when_one_recovers(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group(UnhealthyThresholdCount=1)
    (one, first), (two, second) = world.machine(), world.machine()
    assert first
    assert second
    _, port = world.listener(balancer, group)
    world.register(group, one, two)
    world.wait_for(group, one, "healthy")
    world.wait_for(group, two, "healthy")

    first.health_status = second.health_status = 503
    world.wait_for(group, one, "unhealthy")
    world.wait_for(group, two, "unhealthy")
    open_bodies = {get(balancer["DNSName"], port)[1] for _ in range(6)}
    first.health_status = 200
    world.wait_for(group, one, "healthy")
    closed_bodies = {get(balancer["DNSName"], port)[1] for _ in range(6)}

    assert open_bodies == {first.address, second.address}
    assert closed_bodies == {first.address}


def test_a_deregistered_target_finishes_its_requests_and_gets_no_new_one(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (one, first), (two, second) = world.machine(), world.machine()
    assert first
    assert second
    _, port = world.listener(balancer, group)
    world.register(group, one)
    world.wait_for(group, one, "healthy")
    slow = SlowRequest(balancer, port, first)
    world.register(group, two)
    world.wait_for(group, two, "healthy")

    world.deregister(group, one)
    draining = world.health(group, one)
    wait_until(lambda: two_only(world, group, one, two), "described as draining")
    bodies = {get(balancer["DNSName"], port)[1] for _ in range(6)}
    first.release.set()
    unused = world.wait_for(group, one, "unused")

    assert draining["Reason"] == "Target.DeregistrationInProgress"
    assert bodies == {second.address}
    assert slow.answer() == 200
    assert unused["Reason"] == "Target.NotRegistered"


def two_only(world: World, group: str, draining: str, healthy: str) -> bool:
    """Whether exactly these two are described, in these states."""
    described = world.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    states = {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in described}
    return states == {draining: "draining", healthy: "healthy"}


def test_what_is_still_in_flight_after_the_deregistration_delay_gets_a_5xx(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    world.set_attribute(group, "deregistration_delay.timeout_seconds", "1")
    instance_id, machine = world.machine()
    assert machine
    _, port = world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    slow = SlowRequest(balancer, port, machine)

    world.deregister(group, instance_id)
    world.wait_for(group, instance_id, "unused")

    assert slow.answer() == 502


def test_deregistering_twice_and_registering_twice_are_no_errors(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, _ = world.machine()
    world.listener(balancer, group)

    world.deregister(group, instance_id)
    world.register(group, instance_id)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    world.register(group, instance_id)

    assert world.health(group, instance_id)["State"] == "healthy"
    world.deregister(group, instance_id)
    world.deregister(group, instance_id)


def test_a_terminated_instance_is_deregistered_by_itself(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (api, _), (silent, _) = world.machine(), world.machine()
    world.listener(balancer, group)
    world.register(group, api, silent)
    world.wait_for(group, api, "healthy")
    world.wait_for(group, silent, "healthy")

    world.ec2.terminate_instances(InstanceIds=[api])
    world.backend.ec2_backend.terminate_instances([silent])

    assert world.wait_for(group, api, "unused")["Reason"] == "Target.NotRegistered"
    world.wait_for(group, silent, "unused")
    wait_until(lambda: not world.backend.target_groups[group].targets, "no target is registered")


def test_a_stopped_instance_is_unused_and_a_pending_one_is_registering(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (stopped, _), (pending, _) = world.machine(), world.machine()
    world.listener(balancer, group)
    world.instance(pending)._state.name = "pending"
    world.register(group, stopped, pending)
    world.wait_for(group, stopped, "healthy")

    world.ec2.stop_instances(InstanceIds=[stopped])
    registering = world.health(group, pending)
    world.instance(pending)._state.name = "running"

    assert world.health(group, stopped)["Reason"] == "Target.InvalidState"
    assert world.health(group, stopped)["Description"] == "Target is in the stopped state"
    assert (registering["State"], registering["Reason"]) == ("initial", "Elb.RegistrationInProgress")
    world.wait_for(group, pending, "healthy")


def test_a_machine_that_ended_gets_no_request_from_then_on_and_is_checked_anew_when_it_is_back(
    world: World,
) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    (gone, machine), (other, serving) = world.machine(), world.machine()
    assert machine
    assert serving
    _, port = world.listener(balancer, group)
    world.register(group, gone, other)
    world.wait_for(group, gone, "healthy")
    world.wait_for(group, other, "healthy")

    InstanceEvents(None, world.instance(gone)).ended()
    world.wait_for(group, gone, "initial")
    answers = {get(balancer["DNSName"], port)[1] for _ in range(6)}
    InstanceEvents(None, world.instance(gone)).running()
    world.wait_for(group, gone, "healthy")

    assert answers == {serving.address}
    assert get(balancer["DNSName"], port)[0] == 200


def test_a_fixed_response_and_a_listener_moved_to_another_port(world: World) -> None:
    balancer = world.load_balancer()
    body = 'say "no" \\ $HOME #1\n%[src] {x}'
    port, other = free_port(balancer["DNSName"]), free_port(balancer["DNSName"])
    arn = world.elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=port,
        DefaultActions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "StatusCode": "404",
                    "ContentType": "text/plain",
                    "MessageBody": body,
                },
            }
        ],
    )["Listeners"][0]["ListenerArn"]

    before = get(balancer["DNSName"], port)
    world.elbv2.modify_listener(ListenerArn=arn, Port=other)
    after = get(balancer["DNSName"], other)
    silent = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    world.elbv2.modify_listener(ListenerArn=arn, DefaultActions=[silent])
    empty = get(balancer["DNSName"], other)

    assert before[:2] == after[:2] == (404, body)
    assert empty[:2] == (200, "")
    with pytest.raises(ConnectionRefusedError):
        get(balancer["DNSName"], port)
    world.elbv2.delete_listener(ListenerArn=arn)
    with pytest.raises(ConnectionRefusedError):
        get(balancer["DNSName"], other)


def test_weights_share_requests_between_target_groups(world: World) -> None:
    balancer, groups = world.load_balancer(), [world.target_group(), world.target_group()]
    instances = [world.machine(), world.machine()]
    for group, (instance_id, _) in zip(groups, instances, strict=True):
        world.register(group, instance_id)
    port = free_port(balancer["DNSName"])
    weights = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, (3, 1), strict=True)]
    world.elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=port,
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}],
    )
    for group, (instance_id, _) in zip(groups, instances, strict=True):
        world.wait_for(group, instance_id, "healthy")

    counts = Counter(get(balancer["DNSName"], port)[1] for _ in range(200))

    heavy, light = (counts[machine.address] for _, machine in instances if machine)
    assert heavy + light == 200
    assert 110 <= heavy <= 185, "three quarters of 200 are 150; this is more than six deviations around it"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "arn:aws:acm:x"}]}, "HTTPS"),
        (
            {"DefaultActions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]},
            "redirect",
        ),
    ],
)
def test_what_it_does_not_do_is_refused(world: World, change: dict[str, object], word: str) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    request: dict[str, object] = {
        "LoadBalancerArn": balancer["LoadBalancerArn"],
        "Protocol": "HTTP",
        "Port": free_port(),
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
        **change,
    }

    with pytest.raises(ClientError, match=word) as refused:
        world.elbv2.create_listener(**request)

    assert refused.value.response["Error"]["Code"] == "OperationNotPermitted"


def test_statistics_tell_the_targets_errors_from_its_own(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    assert machine
    _, port = world.listener(balancer, group)
    get(balancer["DNSName"], port)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")

    get(balancer["DNSName"], port)
    machine.status = 500
    for _ in range(3):
        get(balancer["DNSName"], port)
    world.deregister(group, instance_id)
    world.wait_for(group, instance_id, "unused")

    name = balancer["LoadBalancerName"]
    wait_until(
        lambda: world.part.read_statistics().load_balancers[name].requests == 5, "five requests are counted"
    )
    counted = world.part.read_statistics()
    assert counted.load_balancers[name].elb_5xx == 1
    assert counted.load_balancers[name].target_responses["5xx"] == 3
    assert counted.target_groups[group]["2xx"] == 1
    assert counted.target_groups[group]["5xx"] == 3


def test_statistics_tell_how_long_each_request_took_the_target(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    assert machine
    _, port = world.listener(balancer, group)
    get(balancer["DNSName"], port)  # 503: no target could be chosen, so none has taken any time
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")

    get(balancer["DNSName"], port)
    threading.Timer(0.5, machine.release.set).start()
    get(balancer["DNSName"], port, "/slow")

    def milliseconds() -> list[int]:
        return sorted(world.part.read_statistics().milliseconds[group].elements())

    wait_until(lambda: len(milliseconds()) == 2, "two requests are logged")
    quick, slow = milliseconds()
    assert 0 <= quick < 450 <= slow


def test_a_crashed_haproxy_is_started_again_with_the_targets_it_had(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, machine = world.machine()
    assert machine
    _, port = world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    before = haproxy_pids(world)

    os.kill(before[0], signal.SIGKILL)
    status, body, _ = get(balancer["DNSName"], port)

    assert (status, body) == (200, machine.address), "the connection waited for the new process"
    wait_until(lambda: len(haproxy_pids(world)) == 1 and haproxy_pids(world) != before, "a new haproxy")
    assert "ended by itself" in caplog.text


def test_stop_leaves_no_process_no_socket_and_no_port(world: World) -> None:
    balancer, group = world.load_balancer(), world.target_group()
    instance_id, _ = world.machine()
    _, port = world.listener(balancer, group)
    world.register(group, instance_id)
    world.wait_for(group, instance_id, "healthy")
    control = next((world.home.folder / "load_balancing").glob("haproxy-*.sock"))
    mode = control.stat().st_mode & 0o777

    world.part.stop()

    assert mode == 0o600
    assert haproxy_pids(world) == []
    assert [path for path in Path(world.home.folder).rglob("*") if path.is_socket()] == []
    with pytest.raises(ConnectionRefusedError):
        get(balancer["DNSName"], port)
