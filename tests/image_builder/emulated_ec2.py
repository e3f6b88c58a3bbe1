"""EC2 as plain moto emulates it, in its own process: Packer and the provider's host are processes too."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

REGION = "us-east-1"
BASE_IMAGE = "ami-0123456789abcdef0"
_START_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class EmulatedEc2:
    """An empty EC2 with one base image."""

    endpoint_url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it, and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_POLL_DELAY_SECONDS": "1",
        }

    def client(self, region: str = REGION) -> EC2Client:
        """The client of a region."""
        return _client(self.endpoint_url, region)

    def reset(self) -> None:
        """Back to empty."""
        request = urllib.request.Request(f"{self.endpoint_url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def leftovers(self) -> list[str]:
        """What a build must not leave behind: living instances, key pairs, security groups."""
        ec2 = self.client()
        instances = [
            str(instance["InstanceId"])
            for reservation in ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] not in ("terminated", "shutting-down")
        ]
        keys = [str(key["KeyName"]) for key in ec2.describe_key_pairs()["KeyPairs"]]
        groups = [group["GroupName"] for group in ec2.describe_security_groups()["SecurityGroups"]]
        return instances + keys + [group for group in groups if group != "default"]

    def register(self, name: str, *, in_region: str = REGION, **tags: str) -> str:
        """The id of a new AMI of ours; moto gives it no architecture."""
        ec2 = self.client(in_region)
        ami_id = ec2.register_image(Name=name, RootDeviceName="/dev/sda1")["ImageId"]
        if tags:
            ec2.create_tags(
                Resources=[ami_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
            )
        return ami_id

    def image_of_an_instance(self, name: str, *, region: str = REGION) -> str:
        """The id of a new AMI of ours, with the architecture of the base image."""
        ec2 = self.client(region)
        instance = ec2.run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]
        ami_id = ec2.create_image(InstanceId=instance["InstanceId"], Name=name)["ImageId"]
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        return ami_id

    def tags_of(self, ami_id: str, *, region: str = REGION) -> dict[str, str]:
        """The tags of an AMI."""
        image = self.client(region).describe_images(ImageIds=[ami_id])["Images"][0]
        return {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}


@contextlib.contextmanager
def running_ec2(folder: Path) -> Iterator[EmulatedEc2]:
    """An emulated EC2 with its files in *folder*; gone on leaving."""
    images = folder / "images.json"
    images.write_text(json.dumps([_base_image()]))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "moto.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.image_builder.moto_process", "-H", "127.0.0.1", "-p", str(port)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "MOTO_AMIS_PATH": str(images)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        _wait_for(port, process, log)
        yield EmulatedEc2(endpoint_url=f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"moto does not answer: {log.read_text()[-2000:]}")


@functools.cache
def _client(endpoint_url: str, region: str) -> EC2Client:
    # Once for all tests of a process: a session reads EC2's whole model again.
    session = boto3.session.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name=region
    )
    return session.client("ec2", endpoint_url=endpoint_url)


def _base_image() -> dict[str, object]:
    return {
        "ami_id": BASE_IMAGE,
        "name": "debian-12-amd64-20260101-0000",
        "description": "Debian 12",
        "owner_id": "136693071363",
        "public": True,
        "virtualization_type": "hvm",
        "architecture": "x86_64",
        "state": "available",
        "platform": None,
        "image_type": "machine",
        "hypervisor": "xen",
        "root_device_name": "/dev/xvda",
        "root_device_type": "ebs",
        "sriov": "simple",
        "creation_date": "2026-01-01T00:00:00.000Z",
    }
