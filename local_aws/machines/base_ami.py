"""The one AMI that the account can see before it makes its own: Debian's, found as on AWS."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

from local_aws.home import LocalAwsError

# Debian's account: https://wiki.debian.org/Cloud/AmazonEC2Image/Bookworm
DEBIAN_ACCOUNT = "136693071363"


@dataclass(frozen=True, kw_only=True)
class BaseAmi:
    """What stays the same of the base AMI, whatever this computer's base image is made of.

    Whoever pins a base image by its id pins it for this account and for AWS: x86_64 carries the id that
    Debian's release of that name has in us-east-1. The time of its registration there is not known.
    """

    ami_id: str
    architecture: str
    name: str = "debian-12-amd64-20241201-1948"
    created: str = "2024-12-01T00:00:00.000Z"


BASE_AMIS = {
    "x86_64": BaseAmi(ami_id="ami-0c2a1f58a3414ec50", architecture="x86_64"),
    "aarch64": BaseAmi(
        ami_id="ami-00000000000000a64", architecture="arm64", name="debian-12-arm64-20241201-1948"
    ),
}


def own_base_ami(machine: str | None = None) -> BaseAmi:
    """The base AMI of this computer, or of a *machine* such as platform.machine() names."""
    machine = machine or platform.machine()
    if machine not in BASE_AMIS:
        raise LocalAwsError(
            f"this computer is a {machine} · machines are made for {' or '.join(BASE_AMIS)} · "
            "use a computer of those"
        )
    return BASE_AMIS[machine]


def describe_base_ami(base: BaseAmi) -> dict[str, Any]:
    """The entry of *base* in moto's list of AMIs."""
    return {
        "ami_id": base.ami_id,
        "name": base.name,
        "description": "Debian 12 (local AWS)",
        "owner_id": DEBIAN_ACCOUNT,
        "image_location": f"{DEBIAN_ACCOUNT}/{base.name}",
        "public": True,
        "state": "available",
        "image_type": "machine",
        "architecture": base.architecture,
        "virtualization_type": "hvm",
        "hypervisor": "xen",
        "root_device_type": "ebs",
        "root_device_name": "/dev/xvda",
        "sriov": "simple",
        "boot_mode": "uefi-preferred",
        "creation_date": base.created,
    }
