"""Machines of an AMI, and what they answer."""

from __future__ import annotations

import json
import socket
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PORT = 8080


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One instance."""

    ec2: EC2Client
    instance_id: str
    address: str

    def get(self, path: str) -> str:
        """The body of its answer to GET."""
        with urllib.request.urlopen(f"http://{self.address}:{PORT}{path}", timeout=5) as response:
            return str(response.read().decode())

    def is_healthy(self) -> bool:
        """Does its health check succeed?"""
        try:
            return self.get("/healthz") == "ok\n"
        except OSError:
            return False

    def version(self) -> dict[str, Any]:
        """What it tells of itself."""
        return dict(json.loads(self.get("/version")))

    def console(self) -> str:
        """What it wrote to its console."""
        return str(self.ec2.get_console_output(InstanceId=self.instance_id).get("Output", ""))

    def is_listening(self) -> bool:
        """Does it take connections?"""
        try:
            with socket.create_connection((self.address, PORT), timeout=1) as connection:
                # A proxy that publishes the port takes the connection itself, and then finds nobody behind.
                connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                return connection.recv(1) != b""
        except OSError:
            return False


def launch(ec2: EC2Client, ami_id: str, user_data: str = "", key_name: str = "") -> Machine:
    """A machine of *ami_id* that runs *user_data* at its first boot, and that the key *key_name* opens."""
    key: dict[str, Any] = {"KeyName": key_name} if key_name else {}
    answer = ec2.run_instances(
        ImageId=ami_id,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        UserData=user_data,
        **key,
    )
    instance = answer["Instances"][0]
    return Machine(ec2=ec2, instance_id=instance["InstanceId"], address=instance["PrivateIpAddress"])
