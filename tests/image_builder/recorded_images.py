"""AMIs with the record of what they were made of, without a build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from image_builder.building import packages
from image_builder.building.file_digests import recorded, to_tags
from image_builder.registry.numbered_tags import MOST_TAGS
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.templates import props_of


def image_of(
    ec2: EmulatedEc2, folder: Path, *, installed: Mapping[str, str] | None = None, **more: str
) -> str:
    """The id of an AMI as a build of *folder* as it is now would leave it, with *more* tags.

    Of *installed* packages there is a list, unless it is None.
    """
    props = props_of(folder)
    tags = {
        "Built-By": "packer",
        "ImageFamily": "tiny",
        "ImageFingerprint": props["fingerprint"],
        "SourceAmi": BASE_IMAGE,
        **more,
    }
    ami_id = bare_image(ec2, f"tiny-{props['fingerprint'][:12]}", tags)
    image = ec2.client().describe_images(ImageIds=[ami_id])["Images"][0]
    record = to_tags(recorded(props["file_digests"], {}))
    if installed is not None:
        record |= packages.to_tags(installed, room=MOST_TAGS - len(record))
    ec2.client().create_tags(
        Resources=[device["Ebs"]["SnapshotId"] for device in image["BlockDeviceMappings"]],
        Tags=[{"Key": key, "Value": value} for key, value in record.items()],
    )
    return ami_id


def bare_image(ec2: EmulatedEc2, name: str, tags: dict[str, str]) -> str:
    """The id of an AMI with a snapshot and without such a record."""
    client = ec2.client()
    instance = client.run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ami_id = client.create_image(InstanceId=instance, Name=name)["ImageId"]
    client.terminate_instances(InstanceIds=[instance])
    client.create_tags(Resources=[ami_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return ami_id
