"""What Packer is given beside the user's own variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from image_builder.packer_template.given_variables import GIVEN_VARIABLES, values_for
from image_builder.provider import what_replaces
from tests.image_builder.templates import inputs_of, props_of, write_image

OF_THE_RUN = {"ami_name": "tiny-1", "tags": {"RunId": "1"}, "git_commit": "", "package_list": "/p"}
OF_ARGUMENTS: dict[str, Any] = {
    "kms_key": "alias/images",
    "vpc_id": "vpc-01234567",
    "subnet_id": "subnet-01234567",
    "associate_public_ip_address": False,
}


def test_a_template_is_given_what_it_declares_and_no_more(tmp_path: Path) -> None:
    inputs = inputs_of(write_image(tmp_path), variables={"size": 3}, **OF_ARGUMENTS)

    assert values_for(GIVEN_VARIABLES, vars(inputs), OF_THE_RUN) == {
        **OF_THE_RUN,
        "region": inputs.region,
        "fingerprint": inputs.fingerprint,
        "kms_key_id": "alias/images",
        "vpc_id": "vpc-01234567",
        "subnet_id": "subnet-01234567",
        "associate_public_ip_address": False,
    }
    assert values_for({"size", "tags"}, vars(inputs), OF_THE_RUN) == {"size": 3, "tags": {"RunId": "1"}}


def test_what_no_argument_sets_is_left_to_the_user_the_environment_and_the_template(tmp_path: Path) -> None:
    inputs = inputs_of(write_image(tmp_path), variables={"kms_key_id": "alias/mine"})

    values = values_for(GIVEN_VARIABLES, vars(inputs), OF_THE_RUN)

    assert values["kms_key_id"] == "alias/mine"
    assert not {"vpc_id", "subnet_id", "associate_public_ip_address"} & set(values)


def test_the_network_of_a_build_is_no_part_of_the_image(tmp_path: Path) -> None:
    image = write_image(tmp_path)
    olds, news = props_of(image), props_of(image, **OF_ARGUMENTS)

    assert olds["fingerprint"] == news["fingerprint"]
    assert what_replaces(olds, news) == []
