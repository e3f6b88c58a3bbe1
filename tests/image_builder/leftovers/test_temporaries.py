"""What is found in EC2 as temporary, and how it is removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from image_builder.ec2_client import make_client
from image_builder.leftovers.temporaries import Kind, Temporaries, Temporary
from tests.image_builder.emulated_ec2 import BASE_IMAGE, REGION, EmulatedEc2

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

RUN = "20261123T080000-0123abcd"


def tagged(resource_type: str) -> Any:
    return [{"ResourceType": resource_type, "Tags": [{"Key": "RunId", "Value": RUN}]}]


def make_one_of_each(client: EC2Client) -> dict[Kind, str]:
    """What a build has in EC2 at its end."""
    (instance,) = client.run_instances(
        ImageId=BASE_IMAGE, MinCount=1, MaxCount=1, TagSpecifications=tagged("instance")
    )["Instances"]
    image = client.create_image(
        InstanceId=instance["InstanceId"], Name="half-made", TagSpecifications=tagged("image")
    )
    volume = client.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=tagged("volume"))
    return {
        Kind.INSTANCE: instance["InstanceId"],
        Kind.KEY_PAIR: client.create_key_pair(KeyName="packer_1", TagSpecifications=tagged("key-pair"))[
            "KeyPairId"
        ],
        Kind.SECURITY_GROUP: client.create_security_group(
            GroupName="packer_1", Description="d", TagSpecifications=tagged("security-group")
        )["GroupId"],
        Kind.VOLUME: volume["VolumeId"],
        Kind.IMAGE: image["ImageId"],
        Kind.SNAPSHOT: client.create_snapshot(
            VolumeId=volume["VolumeId"], TagSpecifications=tagged("snapshot")
        )["SnapshotId"],
    }


@pytest.fixture
def temporaries(ec2: EmulatedEc2) -> Temporaries:
    assert ec2.endpoint_url
    return Temporaries(make_client(REGION))


def test_everything_with_the_tag_of_a_run_is_found_and_nothing_else_but_packers_names(
    ec2: EmulatedEc2, temporaries: Temporaries
) -> None:
    client = ec2.client()
    made = make_one_of_each(client)
    foreign_key = client.create_key_pair(KeyName="packer_of_somebody")["KeyPairId"]
    client.create_key_pair(KeyName="somebodys")
    client.create_security_group(GroupName="somebodys", Description="d")
    client.run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)

    found = temporaries.find()

    assert {thing.kind: thing.resource_id for thing in found if thing.tags} == made
    assert {thing.tags["RunId"] for thing in found if thing.tags} == {RUN}
    assert [thing.resource_id for thing in found if not thing.tags] == [foreign_key]


def test_each_is_removed_and_one_that_is_gone_already_is_well(
    ec2: EmulatedEc2, temporaries: Temporaries
) -> None:
    made = make_one_of_each(ec2.client())
    things = {thing.kind: thing for thing in temporaries.find() if thing.resource_id in made.values()}

    for kind in Kind:
        temporaries.remove(things[kind])
        temporaries.remove(things[kind])

    left = temporaries.wait_until_terminated([made[Kind.INSTANCE]], deadline=time.monotonic() + 60)
    assert left == set()
    assert temporaries.find() == []


def test_an_instance_that_does_not_end_is_named_at_the_deadline(
    ec2: EmulatedEc2, temporaries: Temporaries
) -> None:
    instance = make_one_of_each(ec2.client())[Kind.INSTANCE]

    assert temporaries.wait_until_terminated([instance], deadline=time.monotonic()) == {instance}
    assert temporaries.wait_until_terminated([], deadline=time.monotonic()) == set()


@pytest.mark.parametrize("code", ["InvalidGroup.NotFound", "InvalidGroup.InUse"])
def test_only_what_is_not_there_may_fail_to_be_removed(code: str) -> None:
    client = make_client(REGION)
    thing = Temporary(kind=Kind.SECURITY_GROUP, resource_id="sg-1")
    with Stubber(client) as stubber:
        stubber.add_client_error("delete_security_group", code)
        if code == "InvalidGroup.NotFound":
            Temporaries(client).remove(thing)
        else:
            with pytest.raises(ClientError, match="InUse"):
                Temporaries(client).remove(thing)
