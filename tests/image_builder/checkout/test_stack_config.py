"""The config of a stack, read as the program gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_builder.checkout.stack_config import StackConfig, config_of, require_name
from image_builder.errors import ImageBuildError


def config(folder: Path, own: str, common: str = "") -> StackConfig:
    (folder / "Pulumi.yaml").write_text(f"name: shop\n{common}")
    (folder / "Pulumi.prod.yaml").write_text(f"config:\n{own}")
    return config_of(folder, "prod")


def test_the_region_is_that_of_the_aws_plugin_alone(tmp_path: Path) -> None:
    read = config(tmp_path, "  aws:region: us-east-1\n  aws-native:region: eu-west-1\n")

    assert read.region == "us-east-1"


def test_a_key_of_another_project_is_not_this_ones(tmp_path: Path) -> None:
    read = config(tmp_path, "  shop:imageFamily: web\n  blog:imageFamily: blog\n")

    assert read.text("imageFamily") == "web"


def test_what_the_stack_sets_wins_over_what_the_project_declares(tmp_path: Path) -> None:
    common = (
        "config:\n  imageFamily: {type: string, default: web}\n"
        "  verifyImage: {type: boolean, default: true}\n"
        "  aws:region: {value: eu-west-1}\n"
    )

    read = config(tmp_path, "  shop:verifyImage: false\n", common)

    assert (read.text("imageFamily"), read.region) == ("web", "eu-west-1")
    assert not read.is_set("verifyImage", default=True)


@pytest.mark.parametrize(
    "text", ["['self', '012345670123']", '\'["self", "012345670123"]\'', "[self, 012345670123]"]
)
def test_a_list_is_one_whether_it_is_yaml_or_json(tmp_path: Path, text: str) -> None:
    assert config(tmp_path, f"  shop:imageOwners: {text}\n").items("imageOwners") == ("self", "012345670123")


@pytest.mark.parametrize("text", ["true", "'true'", "True"])
def test_a_boolean_is_one_whether_it_is_quoted_or_not(tmp_path: Path, text: str) -> None:
    assert config(tmp_path, f"  shop:allowUnverifiedPin: {text}\n").is_set(
        "allowUnverifiedPin", default=False
    )


def test_what_is_not_set_is_empty_or_the_default(tmp_path: Path) -> None:
    read = config(tmp_path, "  aws:region: us-east-1\n")

    assert (read.text("pinnedAmi"), read.ami_id("pinnedAmi"), read.items("imageOwners")) == ("", "", ())
    assert read.is_set("verifyImage", default=True)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{secure: abc}", "pinnedAmi is a secret"),
        ("web-1", "pinnedAmi is 'web-1' · an AMI id such as"),
    ],
)
def test_a_pin_that_is_none_is_one_line(tmp_path: Path, entry: str, reason: str) -> None:
    with pytest.raises(ImageBuildError, match=rf"^Pulumi.prod.yaml: {reason}"):
        config(tmp_path, f"  shop:pinnedAmi: {entry}\n").ami_id("pinnedAmi")


def test_a_boolean_or_list_that_is_none_is_one_line(tmp_path: Path) -> None:
    read = config(tmp_path, "  shop:verifyImage: maybe\n  shop:imageOwners: self\n")

    with pytest.raises(ImageBuildError, match="verifyImage is 'maybe' · true or false was expected"):
        read.is_set("verifyImage", default=True)
    with pytest.raises(ImageBuildError, match="imageOwners is 'self' · a list, as JSON, was expected"):
        read.items("imageOwners")


def test_a_project_without_a_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("config: {}\n")

    with pytest.raises(ImageBuildError, match=r"Pulumi.yaml names no project"):
        require_name(tmp_path)
