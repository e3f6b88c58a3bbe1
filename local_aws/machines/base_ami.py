"""The one AMI that the account can see before it makes its own: Debian's, found as on AWS."""

from __future__ import annotations

import hashlib
import platform
from typing import Any

from local_aws.home import LocalAwsError

# Debian's account: https://wiki.debian.org/Cloud/AmazonEC2Image/Bookworm
DEBIAN_ACCOUNT = "136693071363"
ARCHITECTURES = {"x86_64": ("amd64", "x86_64"), "aarch64": ("arm64", "arm64")}


def base_ami_id(base_image: str) -> str:
    """The AMI id of *base_image*; another base image has another id."""
    return f"ami-{hashlib.sha256(base_image.encode()).hexdigest()[:17]}"


def base_ami(base_image: str, created: str, machine: str | None = None) -> dict[str, Any]:
    """The entry of *base_image* in moto's list of AMIs; *created* is its time in ISO 8601."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise LocalAwsError(
            f"this computer is a {machine} · machines are made for {' or '.join(ARCHITECTURES)} · "
            "use a computer of those"
        )
    debian_name, aws_name = ARCHITECTURES[machine]
    name = (
        f"debian-12-{debian_name}-{created[:10].replace('-', '')}-{int(created[11:13] + created[14:16]):04d}"
    )
    return {
        "ami_id": base_ami_id(base_image),
        "name": name,
        "description": "Debian 12 (local AWS)",
        "owner_id": DEBIAN_ACCOUNT,
        "image_location": f"{DEBIAN_ACCOUNT}/{name}",
        "public": True,
        "state": "available",
        "image_type": "machine",
        "architecture": aws_name,
        "virtualization_type": "hvm",
        "hypervisor": "xen",
        "root_device_type": "ebs",
        "root_device_name": "/dev/xvda",
        "sriov": "simple",
        "boot_mode": "uefi-preferred",
        "creation_date": created,
    }
