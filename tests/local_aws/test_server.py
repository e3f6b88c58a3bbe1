"""The server as a process: started once, honest about its end, alone with what is its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local_aws import leftovers, lifecycle
from local_aws.home import Home, read_home
from local_aws.machines import podman
from tests.support.clients import local_client
from tests.support.local_aws import ec2_client, process_environment, running_local_aws, wait_until

pytestmark = pytest.mark.timeout(180)

PROJECT = Path(__file__).parents[2]


def command(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """What `python -m local_aws ARGUMENTS` did."""
    return subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments, "--home", str(home)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def launch(home: Home) -> str:
    """The container of a new machine that runs."""
    ec2 = ec2_client(home)
    image = ec2.describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]
    launched = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance_id = launched["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance_id], WaiterConfig={"Delay": 1})
    return f"{home.name}-{instance_id}"


def is_listening(port: int) -> bool:
    """Does anybody accept connections at *port* of 127.0.0.1?"""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def is_alive(process: int) -> bool:
    """Does *process* run? One that nobody has waited for yet does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_start_twice_is_one_server_and_stop_leaves_no_process_container_or_port(tmp_path: Path) -> None:
    with running_local_aws(tmp_path) as home:
        process = lifecycle.server_process(tmp_path)
        container = launch(home)

        again = command("start", home=tmp_path)
        status = command("status", "--json", home=tmp_path)
        stopped = command("stop", home=tmp_path)

        assert home.endpoint_url in again.stdout
        known = json.loads(status.stdout)
        assert known["process"] == process
        assert (known["generation"], known["endpoint_url"]) == (home.generation, home.endpoint_url)
        assert [f"{home.name}-{machine['instance_id']}" for machine in known["machines"]] == [container]
        assert known["machines"][0]["state"] == "running"
        assert stopped.returncode == 0
        assert process is not None
        assert not is_alive(process)
        assert leftovers.processes_of(home.name) == []
        assert podman.machines_of(home.name) == []
        assert not is_listening(home.api_port)
        assert command("status", home=tmp_path).stdout.startswith("not running")


def test_one_that_was_started_for_a_process_ends_with_it_however_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "infinity"]) as owner:
        wishes = lifecycle.Wishes(folder=tmp_path, port=0, network="auto", machines="none", owner=owner.pid)
        lifecycle.start(wishes, print)
        assert lifecycle.server_process(tmp_path)

        owner.kill()

    wait_until(lambda: lifecycle.server_process(tmp_path) is None, "the server has ended")
    assert "for which this was started, has ended" in (tmp_path / "server.log").read_text()


def test_the_server_listens_and_talks_on_loopback_only(tmp_path: Path) -> None:
    with running_local_aws(tmp_path) as home:
        launch(home)
        mine = {process.pid for process in leftovers.processes_of(home.name)}

        connections = [found for found in psutil.net_connections("tcp") if found.pid in mine]

        addresses = [end for found in connections for end in (found.laddr, found.raddr) if end]
        assert home.api_port in {address.port for address in addresses}
        assert all(address.ip.startswith("127.") for address in addresses)


def test_after_a_killed_server_start_says_so_removes_what_is_left_and_begins_anew(tmp_path: Path) -> None:
    with running_local_aws(tmp_path) as home:
        container = launch(home)
        process = lifecycle.server_process(tmp_path)
        assert process is not None
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: not is_alive(process), "the server is gone")

        assert json.loads(command("status", "--json", home=tmp_path).stdout)["state"] == "not running"
        assert podman.machines_of(home.name) == [container]
        again = command("start", "--port", "0", "--network", "auto", home=tmp_path)

        assert again.returncode == 0, again.stderr
        assert "its account is gone: beginning with an empty one" in again.stderr
        assert podman.machines_of(home.name) == []
        present = read_home(tmp_path)
        assert present is not None
        assert present.generation != home.generation


def test_two_local_aws_side_by_side_do_not_see_each_other(tmp_path: Path) -> None:
    with running_local_aws(tmp_path / "one") as one, running_local_aws(tmp_path / "two") as two:
        container = launch(one)

        assert one.network != two.network
        assert ec2_client(two).describe_instances()["Reservations"] == []
        lifecycle.stop(two.folder, print)

        assert podman.machines_of(one.name) == [container]
        assert ec2_client(one).describe_instances()["Reservations"]


def test_a_network_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    with running_local_aws(tmp_path / "one") as one:
        second = command("start", "--port", "0", "--network", one.network, home=tmp_path / "two")

    assert second.returncode == 1
    last_line = second.stderr.strip().splitlines()[-1]
    assert f"network {one.network} is in use by the local AWS of {one.folder}" in last_line
    assert "--network auto" in last_line


def test_a_port_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        refused = command("start", "--port", str(port), "--network", "auto", home=tmp_path / "home")

    assert refused.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use by another program" in refused.stderr.splitlines()[-1]
    command("reset", home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_the_printed_environment_is_what_aws_tools_need(tmp_path: Path) -> None:
    with running_local_aws(tmp_path) as home:
        printed = command("env", home=tmp_path).stdout

        program = "import boto3; print(boto3.client('ec2').meta.endpoint_url)"
        seen = subprocess.run(
            ["sh", "-c", f"{printed}\n{shlex.quote(sys.executable)} -c {shlex.quote(program)}"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "AWS_PROFILE": "the-users-own"},
        )
        assert seen.stdout.strip() == home.endpoint_url == process_environment(home)["AWS_ENDPOINT_URL"]


def test_what_is_not_implemented_is_refused_by_name(tmp_path: Path) -> None:
    with running_local_aws(tmp_path) as home:
        client = local_client(home.endpoint_url, "lambda")

        with pytest.raises(client.exceptions.ClientError, match="does not implement lambda"):
            client.list_functions()


def test_a_home_that_never_was_has_nothing_to_say(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    assert command("status", home=missing).stdout.startswith("never started")
    assert command("stop", home=missing).returncode == 0
    assert command("reset", home=missing).returncode == 0
    assert command("env", home=missing).stderr.endswith("run `python -m local_aws start`\n")
    assert not missing.exists()
