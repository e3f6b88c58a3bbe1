"""Bad inputs are all named at once, each with its property."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown

from image_builder.inputs import inputs_from, problems_with
from tests.image_builder.templates import props_of, write_image

UNKNOWN = Unknown()  # type: ignore[no-untyped-call]


def properties(props: dict[str, Any]) -> list[str]:
    return [name for name, _ in problems_with(props)]


def test_good_inputs_have_no_problem(tmp_path: Path) -> None:
    assert problems_with(props_of(write_image(tmp_path))) == []


def test_every_bad_input_is_reported_at_once() -> None:
    problems = problems_with(
        {
            "folder": "nowhere",
            "family": "web!",
            "region": "virginia",
            "pinned_ami": None,
            "variables": {},
            "build_timeout_minutes": 0,
        }
    )

    assert [name for name, _ in problems] == ["family", "region", "build_timeout_minutes", "folder"]
    assert all("\n" not in reason and " · " in reason for _, reason in problems)


@pytest.mark.parametrize("pin", ["ami-123", "web-1", "AMI-0123456789abcdef0", "ami-0123456789abcdef0 "])
def test_a_pin_that_is_no_ami_id_is_refused(tmp_path: Path, pin: str) -> None:
    assert properties(props_of(write_image(tmp_path), pinned_ami=pin)) == ["pinned_ami"]


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "eusc-de-east-1"])
def test_a_region_of_every_partition_is_taken(tmp_path: Path, region: str) -> None:
    assert problems_with(props_of(write_image(tmp_path, takes=("region",)), region=region)) == []


@pytest.mark.parametrize("family", ["", "a" * 111, "web\n", "é", "a_b:c"])
def test_a_family_that_cannot_name_an_ami_is_refused(tmp_path: Path, family: str) -> None:
    assert properties(props_of(write_image(tmp_path), family=family)) == ["family"]


@pytest.mark.parametrize("minutes", [0, -1, 1441, True, "60", float("nan")])
def test_a_timeout_out_of_range_is_refused(tmp_path: Path, minutes: Any) -> None:
    assert properties(props_of(write_image(tmp_path), build_timeout_minutes=minutes)) == [
        "build_timeout_minutes"
    ]


@pytest.mark.parametrize("verify", ["yes", 2])
def test_a_verify_that_is_neither_true_nor_false_is_refused(tmp_path: Path, verify: Any) -> None:
    assert properties(props_of(write_image(tmp_path), verify=verify)) == ["verify"]


def test_an_image_that_cannot_be_verified_is_refused_until_verify_is_false(tmp_path: Path) -> None:
    folder = write_image(tmp_path, communicator="none")

    assert properties(props_of(folder, verify=True)) == ["verify"]
    assert properties(props_of(folder, verify=False)) == []


def test_images_are_verified_where_nothing_was_recorded_about_it(tmp_path: Path) -> None:
    props = props_of(write_image(tmp_path))
    del props["verify"]

    assert inputs_from(props).verify


def test_each_undeclared_variable_is_a_problem_of_the_variables(tmp_path: Path) -> None:
    assert properties(props_of(write_image(tmp_path), variables={"a": 1, "b": 2})) == ["variables"] * 2


def test_a_broken_template_does_not_stand_in_the_way_of_a_pin() -> None:
    assert (
        properties(
            {"folder": "nowhere", "family": "web", "region": "us-east-1", "pinned_ami": "ami-01234567"}
        )
        == []
    )


def test_what_is_not_known_yet_is_passed_over(tmp_path: Path) -> None:
    props = props_of(write_image(tmp_path))

    assert (
        problems_with({**props, "region": UNKNOWN, "pinned_ami": UNKNOWN, "variables": {"a": UNKNOWN}}) == []
    )


def test_numbers_that_went_through_the_state_are_numbers_again() -> None:
    inputs = inputs_from(
        {
            "folder": "images/web",
            "family": "web",
            "region": "us-east-1",
            "variables": {"size": 3.0},
            "build_timeout_minutes": 60.0,
            "fingerprint": "0123456789abcdef",
        }
    )

    assert inputs.variables == {"size": 3}
    assert inputs.ami_name == "web-0123456789ab"


KEY = 'variable "kms_key_id" {\n  type    = string\n  default = "alias/mine"\n}'


def test_a_key_is_the_users_variable_where_no_key_is_given(tmp_path: Path) -> None:
    image = write_image(tmp_path, more=KEY)
    mine = {"kms_key_id": "alias/other"}

    assert problems_with(props_of(image, variables=mine)) == []
    assert problems_with(props_of(image, variables=mine, kms_key="alias/images")) == [
        ("variables", "kms_key_id is set by kms_key too · one of the two was expected · remove one")
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("vpc_id", "vpc"), ("subnet_id", "vpc-0123456789abcdef0"), ("associate_public_ip_address", "yes")],
)
def test_a_network_that_cannot_be_one_is_refused(tmp_path: Path, name: str, value: str) -> None:
    assert properties(props_of(write_image(tmp_path), **{name: value})) == [name]
