"""Which AMI there is already."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_builder.amis import Amis
from image_builder.errors import AmiError
from image_builder.inputs import ImageInputs
from image_builder.lookup import existing_image, free_name, pinned_image
from tests.image_builder.emulated_ec2 import EmulatedEc2
from tests.image_builder.templates import inputs_of, write_image


@pytest.fixture
def inputs(tmp_path: Path) -> ImageInputs:
    return inputs_of(write_image(tmp_path))


def tags(inputs: ImageInputs, **more: str) -> dict[str, str]:
    return {
        "Built-By": "packer",
        "ImageFamily": inputs.family,
        "ImageFingerprint": inputs.fingerprint,
        **more,
    }


def test_an_image_of_the_fingerprint_is_found_whatever_its_name(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs
) -> None:
    ami_id = ec2.register("some-name", **tags(inputs))

    found = existing_image(amis, inputs)

    assert found is not None
    assert found.ami_id == ami_id


def test_an_untagged_image_is_found_by_its_name(ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs) -> None:
    ami_id = ec2.register(inputs.ami_name)

    found = existing_image(amis, inputs)

    assert found is not None
    assert found.ami_id == ami_id


@pytest.mark.parametrize("tag", ["Revoked", "Rejected"])
def test_a_refused_image_is_not_found_and_the_next_one_has_another_name(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs, tag: str
) -> None:
    ec2.register(inputs.ami_name, **tags(inputs), **{tag: "a reason"})

    assert existing_image(amis, inputs) is None
    assert free_name(amis, inputs) == f"{inputs.ami_name}-2"
    ec2.register(f"{inputs.ami_name}-2", **tags(inputs))
    assert existing_image(amis, inputs) is not None


def test_another_family_or_fingerprint_is_another_image(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs
) -> None:
    ec2.register("one", **{**tags(inputs), "ImageFamily": "other"})
    ec2.register("two", **{**tags(inputs), "ImageFingerprint": "f" * 64})
    ec2.register(inputs.ami_name, **{**tags(inputs), "ImageFingerprint": inputs.fingerprint[:12] + "f" * 52})
    ec2.register(f"{inputs.ami_name}-blue")

    assert existing_image(amis, inputs) is None
    assert free_name(amis, inputs) == f"{inputs.ami_name}-2"


def test_a_free_name_is_the_plain_one(amis: Amis, inputs: ImageInputs) -> None:
    assert free_name(amis, inputs) == inputs.ami_name


def pinned(inputs: ImageInputs, ami_id: str) -> ImageInputs:
    return ImageInputs(**{**vars(inputs), "pinned_ami": ami_id})


def test_a_pin_to_an_image_of_the_family_holds(ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs) -> None:
    ami_id = ec2.register("old", **{**tags(inputs), "ImageFingerprint": "f" * 64})

    assert pinned_image(amis, pinned(inputs, ami_id)).ami_id == ami_id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Built-By": "hand"}, r"has the tag Built-By=hand · packer was expected"),
        ({"ImageFamily": "worker"}, r"has the tag ImageFamily=worker · tiny was expected"),
        ({"Revoked": "CVE-1"}, r"is Revoked: CVE-1"),
    ],
)
def test_a_pin_to_what_may_not_be_deployed_is_refused(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs, change: dict[str, str], reason: str
) -> None:
    ami_id = ec2.register("old", **{**tags(inputs), **change})

    with pytest.raises(AmiError, match=rf"pinned AMI {ami_id} \(old\) {reason}"):
        pinned_image(amis, pinned(inputs, ami_id))


def test_a_pin_to_an_image_whose_checks_have_not_passed_is_refused_but_in_an_emergency(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs
) -> None:
    ami_id = ec2.register("old", **tags(inputs))
    checked = ImageInputs(**{**vars(pinned(inputs, ami_id)), "verify": True})

    with pytest.raises(AmiError, match=rf"pinned AMI {ami_id} \(old\) has not passed its checks"):
        pinned_image(amis, checked)
    emergency = ImageInputs(**{**vars(checked), "allow_unverified_pin": True})
    assert pinned_image(amis, emergency).ami_id == ami_id


@pytest.mark.parametrize("key", ["Verified", "VerifiedIn:dev"])
def test_a_pin_to_an_image_that_proved_itself_holds(
    ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs, key: str
) -> None:
    ami_id = ec2.register("old", **tags(inputs, **{key: "2026-01-01T00:00:00Z"}))

    checked = ImageInputs(**{**vars(pinned(inputs, ami_id)), "verify": True})
    assert pinned_image(amis, checked).ami_id == ami_id


def test_a_pin_to_nothing_is_refused(amis: Amis, inputs: ImageInputs) -> None:
    with pytest.raises(AmiError, match="pinned AMI ami-00000000 does not exist in us-east-1"):
        pinned_image(amis, pinned(inputs, "ami-00000000"))


def test_of_two_images_the_verified_one_is_used(ec2: EmulatedEc2, amis: Amis, inputs: ImageInputs) -> None:
    ec2.register("one", **tags(inputs))
    verified = ec2.register("two", **tags(inputs, Verified="2026-01-01T00:00:00Z"))
    ec2.register("three", **tags(inputs))

    found = existing_image(amis, inputs)

    assert found is not None
    assert found.ami_id == verified
