"""A local AWS with nothing but load balancing: moto in a thread, real haproxy, HTTP servers as instances."""

from __future__ import annotations

import http.client
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.server import ThreadedMotoServer

from local_aws.home import ACCOUNT_ID, REGION, Home
from local_aws.load_balancing import LoadBalancing, install
from tests.support.clients import local_client

_numbers = itertools.count(os.getpid() % 90)
_lasts = itertools.count(10)

BROKEN_ANSWERS = {
    "/says-nothing": b"",
    "/ends-in-its-headers": b"HTTP/1.1 200 OK\r\nContent-",
    "/is-no-http": b"220 mail.example.com ESMTP\r\n",
}
"""What a machine says before it ends the connection, for paths that ask for it."""


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """Return as soon as *condition* holds; fail with *what* after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Machine(ThreadingHTTPServer):
    """An HTTP server on an address of its own that stands for an instance's service."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: str, port: int) -> None:
        self.status = 200
        self.health_status = 200
        self.hang = threading.Event()
        self.release = threading.Event()
        self.requests: list[dict[str, str]] = []
        self.checks: list[dict[str, str]] = []
        machine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                is_check = self.path == "/healthz"
                (machine.checks if is_check else machine.requests).append(dict(self.headers.items()))
                if self.path in BROKEN_ANSWERS:
                    self.wfile.write(BROKEN_ANSWERS[self.path])
                    self.close_connection = True
                    return
                if self.path == "/slow" or (is_check and machine.hang.is_set()):
                    machine.release.wait(20)
                body = address.encode()
                self.send_response(machine.health_status if is_check else machine.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        super().__init__((address, port), Handler)
        self.address = address
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of some tests."""

    def end(self) -> None:
        """Stop to listen and let everything go that hangs."""
        self.release.set()
        self.shutdown()
        self.server_close()


class World:
    """What a test works with: clients, the part, and machines."""

    def __init__(self, home: Home, part: LoadBalancing, endpoint: str) -> None:
        self.home = home
        self.part = part
        # botocore refuses intervals under five seconds by itself, and tests have no time for that.
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        self.elbv2 = local_client(endpoint, "elbv2", config=config)
        self.ec2 = local_client(endpoint, "ec2", config=config)
        self.machines: list[Machine] = []
        self.service_port = free_port()
        self._names = itertools.count(1)

    @property
    def backend(self) -> ELBv2Backend:
        """moto's side of the load balancers."""
        return elbv2_backends[ACCOUNT_ID][REGION]

    def instance(self, instance_id: str) -> Instance:
        """moto's object for an instance."""
        found = ec2_backends[ACCOUNT_ID][REGION].get_instance_by_id(instance_id)
        assert found
        return found

    def machine(self, *, serves: bool = True) -> tuple[str, Machine | None]:
        """An instance whose address is served by an HTTP server, or by nobody."""
        image = next(iter(ec2_backends[ACCOUNT_ID][REGION].amis))
        instance_id = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0][
            "InstanceId"
        ]
        address = f"{self.home.network}.{next(_lasts) % 240 + 10}"
        instance = self.instance(instance_id)
        instance.nics[0].private_ip_address = address
        assert instance.private_ip == address
        if not serves:
            return instance_id, None
        machine = Machine(address, self.service_port)
        self.machines.append(machine)
        return instance_id, machine

    def load_balancer(self, **options: Any) -> dict[str, Any]:
        """A new load balancer, as the API describes it."""
        subnets = [one["SubnetId"] for one in self.ec2.describe_subnets()["Subnets"]][:2]
        name = f"balancer-{next(self._names)}"
        created = self.elbv2.create_load_balancer(Name=name, Subnets=subnets, **options)
        balancer: dict[str, Any] = created["LoadBalancers"][0]
        return balancer

    def target_group(self, **options: Any) -> str:
        """The ARN of a new target group that is checked every two seconds and drained for at most ten."""
        vpc = self.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        settings: dict[str, Any] = {
            "Protocol": "HTTP",
            "Port": self.service_port,
            "VpcId": vpc,
            "HealthCheckPath": "/healthz",
            "HealthCheckIntervalSeconds": 2,
            "HealthCheckTimeoutSeconds": 1,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 2,
            **options,
        }
        name = f"group-{next(self._names)}"
        arn: str = self.elbv2.create_target_group(Name=name, **settings)["TargetGroups"][0]["TargetGroupArn"]
        self.set_attribute(arn, "deregistration_delay.timeout_seconds", "10")
        return arn

    def set_attribute(self, group: str, key: str, value: str) -> None:
        """Change one attribute of a target group."""
        self.elbv2.modify_target_group_attributes(
            TargetGroupArn=group, Attributes=[{"Key": key, "Value": value}]
        )

    def listener(self, balancer: dict[str, Any], group: str, port: int | None = None) -> tuple[str, int]:
        """(ARN, port) of a new listener that forwards to *group*."""
        port = port or free_port(balancer["DNSName"])
        created = self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        return created["Listeners"][0]["ListenerArn"], port

    def register(self, group: str, *instance_ids: str) -> None:
        """Register instances."""
        self.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": one} for one in instance_ids])

    def deregister(self, group: str, *instance_ids: str) -> None:
        """Deregister instances."""
        self.elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": one} for one in instance_ids])

    def health(self, group: str, instance_id: str) -> dict[str, str]:
        """State, Reason and Description of one target."""
        described = self.elbv2.describe_target_health(TargetGroupArn=group, Targets=[{"Id": instance_id}])
        found: dict[str, str] = described["TargetHealthDescriptions"][0]["TargetHealth"]
        return found

    def wait_for(self, group: str, instance_id: str, state: str) -> dict[str, str]:
        """Wait until a target is in *state*; return its health."""
        wait_until(lambda: self.health(group, instance_id)["State"] == state, f"{instance_id} {state}")
        return self.health(group, instance_id)


def get(
    address: str, port: int, path: str = "/", headers: dict[str, str] | None = None
) -> tuple[int, str, dict[str, str]]:
    """(status, body, headers) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(address, port, timeout=25)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())
    finally:
        connection.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A local AWS with load balancing installed and started; everything of it is gone afterwards."""
    number = next(_numbers) % 90 + 100
    home = Home(
        folder=tmp_path,
        name="local-aws-test",
        api_port=free_port(),
        network=f"127.0.{number}",
        load_balancer_address=f"127.0.{number}.1",
        generation="test",
        machine_ports=(8080,),
    )
    original = elbv2_backends.backend
    BackendDict.reset()
    part = install(home)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=home.api_port, verbose=False)
    server.start()
    part.start()
    world = World(home, part, home.endpoint_url)
    try:
        yield world
    finally:
        part.stop()
        for machine in world.machines:
            machine.end()
        server.stop()
        elbv2_backends.backend = original
        BackendDict.reset()


class Load:
    """Requests in a loop from several threads, half of them on kept connections, until it is ended."""

    def __init__(self, address: str, port: int, threads: int = 4) -> None:
        self._where = (address, port)
        self._ended = threading.Event()
        self.answers: list[int] = []
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number % 2 == 0,)) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, is_kept: bool) -> None:
        connection = http.client.HTTPConnection(*self._where, timeout=20)
        while not self._ended.is_set():
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                response.read()
                self.answers.append(response.status)
                if response.status != 200:
                    self.failures.append(f"status {response.status}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            if not is_kept:
                connection.close()
        connection.close()

    def end(self) -> None:
        """Stop asking, and return when every request is answered."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, count: int) -> None:
        """Return when there are *count* answers."""
        wait_until(lambda: len(self.answers) >= count, f"{count} answers")
