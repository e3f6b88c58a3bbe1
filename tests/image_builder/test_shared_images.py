"""Images that another account shares, on an EC2 of this process, in which an AMI can be given to anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

from image_builder.amis import Amis
from image_builder.building.adoption import adopt
from image_builder.ec2_client import make_client
from image_builder.errors import AmiError
from image_builder.inputs import ImageInputs
from image_builder.lookup import existing_image, shared_images
from image_builder.releasing.gates import promoted_image, verified_image
from tests.image_builder.emulated_ec2 import REGION
from tests.image_builder.templates import inputs_of, write_image

OWNER, STRANGER = "111122223333", "444455556666"
SUCCEEDED = "2026-01-01T00:00:00Z"


@pytest.fixture
def amis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amis]:
    """Those of an account that nobody shares anything with yet."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Amis(make_client(REGION), REGION)


@pytest.fixture
def inputs(tmp_path: Path) -> ImageInputs:
    """An image that may come from another account."""
    return replace(inputs_of(write_image(tmp_path)), owners=("self", OWNER))


def share(name: str, owner: str = OWNER) -> str:
    """The id of an AMI that *owner* shares with this account."""
    ami_id = make_client(REGION).register_image(Name=name, RootDeviceName="/dev/sda1", Architecture="x86_64")[
        "ImageId"
    ]
    ec2_backends[DEFAULT_ACCOUNT_ID][REGION].amis[ami_id].owner_id = owner
    return ami_id


def succeed(ami_id: str, stack: str) -> None:
    """What a rollout of this account does with an AMI, whosever it is."""
    make_client(REGION).create_tags(
        Resources=[ami_id], Tags=[{"Key": f"VerifiedIn:{stack}", "Value": SUCCEEDED}]
    )


def test_an_image_that_a_trusted_account_shares_is_found_by_its_name(amis: Amis, inputs: ImageInputs) -> None:
    share(inputs.ami_name, owner=STRANGER)
    share(f"{inputs.ami_name}-blue")
    shared = share(f"{inputs.ami_name}-2")

    assert [ami.ami_id for ami in shared_images(amis, inputs)] == [shared]
    found = existing_image(amis, inputs)
    assert found is not None
    assert found.ami_id == shared
    assert existing_image(amis, replace(inputs, owners=("self",))) is None


def test_an_image_of_this_account_comes_first(amis: Amis, inputs: ImageInputs) -> None:
    share(f"{inputs.ami_name}-2")
    own = share(inputs.ami_name, owner=DEFAULT_ACCOUNT_ID)

    found = existing_image(amis, inputs)

    assert found is not None
    assert found.ami_id == own


def test_a_shared_image_gets_tags_of_its_own_here(amis: Amis, inputs: ImageInputs) -> None:
    share(inputs.ami_name)
    found = existing_image(amis, inputs)
    assert found is not None

    adopted = adopt(inputs, found, amis, deadline=0)

    again = amis.get(found.ami_id)
    assert again is not None
    assert again.tags == adopted.tags
    assert again.tags["ImageFingerprint"] == inputs.fingerprint
    assert again.tags["Built-By"] == "packer"


def test_where_a_shared_image_succeeded_in_its_account_is_not_seen_and_that_is_said(
    amis: Amis, inputs: ImageInputs
) -> None:
    shared = share(inputs.ami_name)

    with pytest.raises(AmiError) as refused:
        verified_image(amis, replace(inputs, require_verified_in="dev"))

    assert str(refused.value).startswith(f"{shared}, which account {OWNER} shares, has not succeeded in dev")
    assert str(refused.value).endswith("and none here: pulumi config rm requireVerifiedIn")


def test_where_a_shared_image_succeeded_in_this_account_counts(amis: Amis, inputs: ImageInputs) -> None:
    shared = share(inputs.ami_name)
    found = existing_image(amis, inputs)
    assert found is not None
    adopt(inputs, found, amis, deadline=0)
    succeed(shared, "staging")

    assert verified_image(amis, replace(inputs, require_verified_in="staging")).ami_id == shared
    assert promoted_image(amis, replace(inputs, promote_from="staging")).ami_id == shared
    with pytest.raises(AmiError, match="no image has succeeded in staging"):
        promoted_image(amis, replace(inputs, promote_from="staging", owners=("self",)))
