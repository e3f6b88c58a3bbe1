"""What is asked of EC2, and what is made of its answers."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.errors import AmiError
from tests.image_builder.emulated_ec2 import BASE_IMAGE, REGION, EmulatedEc2


def test_an_ami_is_described(ec2: EmulatedEc2, amis: Amis) -> None:
    ami_id = ec2.register("web-1", ImageFamily="web")

    ami = amis.get(ami_id)

    assert ami is not None
    assert (ami.name, ami.state, ami.is_available) == ("web-1", "available", True)
    assert ami.tags == {"ImageFamily": "web"}
    assert ami.built_at.endswith("Z")


def test_an_ami_that_is_deregistered_or_never_was_is_none(ec2: EmulatedEc2, amis: Amis) -> None:
    ami_id = ec2.register("web-1")
    ec2.client().deregister_image(ImageId=ami_id)

    assert amis.get(ami_id) is None
    assert amis.get("ami-00000000000000000") is None


def test_ours_are_found_by_tags_and_by_name(ec2: EmulatedEc2, amis: Amis) -> None:
    one = ec2.register("web-1", ImageFamily="web", ImageFingerprint="1")
    two = ec2.register("web-2", ImageFamily="web", ImageFingerprint="2")

    assert [ami.ami_id for ami in amis.find_by_tags(ImageFamily="web", ImageFingerprint="2")] == [two]
    assert {ami.ami_id for ami in amis.find_by_tags(ImageFamily="web")} == {one, two}
    assert [ami.ami_id for ami in amis.find_by_name("web-1*")] == [one]
    assert amis.find_by_name("debian-*") == []


def test_all_pages_are_read_and_the_newest_comes_first() -> None:
    client = boto3.session.Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION
    ).client("ec2")
    request = {
        "Owners": ["self"],
        "Filters": [{"Name": "tag:a", "Values": ["b"]}],
        "MaxResults": 500,
        "IncludeDisabled": True,
    }

    def image(day: int) -> dict[str, Any]:
        return {"ImageId": f"ami-{day:08x}", "CreationDate": f"2026-01-{day:02d}T00:00:00.000Z"}

    with Stubber(client) as stub:
        stub.add_response("describe_images", {"Images": [image(1)], "NextToken": "n"}, request)
        stub.add_response("describe_images", {"Images": [image(3), image(2)]}, {**request, "NextToken": "n"})

        found = Amis(client, REGION).find_by_tags(a="b")

        stub.assert_no_pending_responses()
    assert [ami.ami_id for ami in found] == ["ami-00000003", "ami-00000002", "ami-00000001"]
    assert found[0].created_at == "2026-01-03T00:00:00Z"


def test_only_missing_tags_are_added_to_the_ami_and_its_snapshots(ec2: EmulatedEc2, amis: Amis) -> None:
    instance = ec2.client().run_instances(ImageId=BASE_IMAGE, MinCount=1, MaxCount=1)["Instances"][0]
    ami_id = ec2.client().create_image(InstanceId=instance["InstanceId"], Name="web-1")["ImageId"]
    ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "Name", "Value": "kept"}])
    ami = amis.get(ami_id)
    assert ami is not None

    changed = amis.add_tags(ami, {"Name": "other", "RunId": "r", "GitCommit": ""})

    assert changed.tags == {"Name": "kept", "RunId": "r"}
    assert ec2.tags_of(ami_id) == {"Name": "kept", "RunId": "r"}
    snapshot = ec2.client().describe_snapshots(SnapshotIds=list(ami.snapshot_ids))["Snapshots"][0]
    assert snapshot["Tags"] == [{"Key": "RunId", "Value": "r"}]


class Scripted(Amis):
    """AMIs whose answers are given."""

    def __init__(self, *states: str | None) -> None:
        self._states = list(states)
        self.region = REGION

    def get(self, ami_id: str) -> Ami | None:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return None if state is None else ami(ami_id, state)


def ami(ami_id: str, state: str) -> Ami:
    return Ami(
        ami_id=ami_id,
        name="web-1",
        owner_id="123456789012",
        state=state,
        state_reason="disk full" if state == "failed" else "",
        architecture="x86_64",
        created_at="2026-01-01T00:00:00Z",
        source_ami_id="",
        tags={},
        snapshot_ids=(),
    )


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "0.01")


@pytest.mark.usefixtures("no_delay")
def test_an_ami_is_waited_for_also_while_it_is_not_yet_listed() -> None:
    found = Scripted(None, "pending", "pending", "available").wait_until_available(
        "ami-0a", deadline=time.monotonic() + 10
    )

    assert found.is_available


@pytest.mark.usefixtures("no_delay")
def test_an_ami_that_fails_is_an_error_with_its_reason() -> None:
    with pytest.raises(AmiError, match=r"ami-0a is failed \(disk full\)"):
        Scripted("pending", "failed").wait_until_available("ami-0a", deadline=time.monotonic() + 10)


@pytest.mark.usefixtures("no_delay")
def test_an_ami_that_vanishes_while_it_is_waited_for_is_an_error() -> None:
    with pytest.raises(AmiError, match="ami-0a was deregistered while it was waited for"):
        Scripted("pending", None).wait_until_available("ami-0a", deadline=time.monotonic() + 10)


@pytest.mark.usefixtures("no_delay")
def test_waiting_ends_at_the_deadline() -> None:
    with pytest.raises(AmiError, match="ami-0a is still pending"):
        Scripted("pending").wait_until_available("ami-0a", deadline=time.monotonic() + 0.1)


def test_a_refusal_is_its_tag_and_reason() -> None:
    revoked = Ami(**{**vars(ami("ami-0a", "available")), "tags": {"Revoked": "CVE-1"}})

    assert revoked.refusal == "Revoked: CVE-1"
