"""Thousands of AMIs at once: CreateImage would need an instance and a call for each.

POST /local-aws/images {"count": 10000, "name": "web-{number:05}", "tags": {"ImageFamily": "web"}}
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_ami_id

from local_aws.home import ACCOUNT_ID, REGION, LocalAwsError, world_lock
from local_aws.machines.images import LocalAmi, check_image_name
from local_aws.machines.machines import Machines
from local_aws.records.machines import Records

IMAGES = "/local-aws/images"


def register_images(machines: Machines, wanted: dict[str, Any]) -> list[str]:
    """The ids of new, available AMIs; in names and tags, {number} stands for the number of each."""
    if not isinstance(machines, Records):
        raise LocalAwsError(
            "AMIs without a disk were asked for · machines boot from disks here · "
            "start a local AWS with --machines none"
        )
    unknown = set(wanted) - {"count", "name", "tags"}
    count = wanted.get("count", 1)
    if unknown or not isinstance(count, int) or count < 1 or not isinstance(wanted.get("name"), str):
        raise LocalAwsError(
            f"AMIs cannot be made from {wanted!r} · name, count (at least 1) and tags were expected"
        )
    backend = ec2_backends[ACCOUNT_ID][REGION]
    made: list[str] = []
    with world_lock:
        template = next(ami for ami in backend.amis.values() if isinstance(ami, LocalAmi))
        names = [str(wanted["name"]).format(number=number) for number in range(1, count + 1)]
        taken = [ami for ami in backend.amis.values() if ami.name in set(names)]
        for number, name in enumerate(names, start=1):
            check_image_name(name, taken, ACCOUNT_ID)
            ami = LocalAmi(
                backend,
                random_ami_id(),
                source_ami=template,
                name=name,
                image_location=f"{ACCOUNT_ID}/{name}",
                root_device_type="ebs",
                root_device_name=template.root_device_name,
                tags={key: str(value).format(number=number) for key, value in wanted.get("tags", {}).items()},
            )
            backend.amis[ami.id] = ami
            made.append(ami.id)
    return made
