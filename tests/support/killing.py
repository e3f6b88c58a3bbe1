"""Killing a `pulumi up`, and looking for what a killed build left behind."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

import psutil

NOTHING_LEFT: dict[str, list[str]] = {
    "instances": [],
    "key pairs": [],
    "security groups": [],
    "volumes": [],
    "snapshots": [],
}


def leftovers(ec2: Any) -> dict[str, list[str]]:
    """What Packer makes for the length of a build and must take away again."""
    instances = [
        instance["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] not in ("shutting-down", "terminated")
        and any(tag["Key"] == "RunId" for tag in instance.get("Tags", []))
    ]
    keys = [key["KeyName"] for key in ec2.describe_key_pairs()["KeyPairs"] if "packer" in key["KeyName"]]
    groups = [
        group["GroupId"]
        for group in ec2.describe_security_groups()["SecurityGroups"]
        if group["GroupName"].startswith("packer")
    ]
    volumes = [
        volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"] if not volume["Attachments"]
    ]
    of_images = {
        device["Ebs"]["SnapshotId"]
        for image in ec2.describe_images(Owners=["self"])["Images"]
        for device in image["BlockDeviceMappings"]
        if "SnapshotId" in device.get("Ebs", {})
    }
    of_runs = [{"Name": "tag-key", "Values": ["RunId"]}]
    snapshots = [
        snapshot["SnapshotId"]
        for snapshot in ec2.describe_snapshots(Filters=of_runs)["Snapshots"]
        if snapshot["SnapshotId"] not in of_images
    ]
    return {
        "instances": instances,
        "key pairs": keys,
        "security groups": groups,
        "volumes": volumes,
        "snapshots": snapshots,
    }


def signal_tree(pid: int, number: signal.Signals, *, with_builds: bool = False) -> None:
    """Signal the engine and each plugin under it, and what left its process tree on purpose if asked to."""
    engine = psutil.Process(pid)
    family = [engine, *engine.children(recursive=True)]
    if with_builds:
        send(family, signal.SIGSTOP)  # Frozen first, none sees another one end.
        send(family, number)
    else:
        send([process for process in family if not is_build(process)], number)


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those of *processes* that have not ended."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # ended by the signal that another one got
            process.send_signal(number)


def is_build(process: Any) -> bool:
    """Whether *process* is Packer, its plugin, or what supervises it."""
    try:
        command = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
    return "packer" in command or "supervisor" in command


def packers_of(project: Path) -> list[int]:
    """The Packer processes, and their supervisors, that work in the folder *project*."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(project) in " ".join(process.info["cmdline"] or []) and "packer" in str(process.info)
    ]
