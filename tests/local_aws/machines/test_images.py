"""AMI names and the tags of a request."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from moto.ec2.exceptions import EC2ClientError

from local_aws.machines.images import check_image_name, tags_for


def image(**values: Any) -> Any:
    return SimpleNamespace(**values)


def test_a_name_in_use_is_refused_with_the_image_that_has_it() -> None:
    images = [image(name="web-1", owner_id="1", id="ami-1")]

    with pytest.raises(EC2ClientError, match="AMI name web-1 is already in use by AMI ami-1"):
        check_image_name("web-1", images, "1")


def test_the_same_name_in_another_account_does_not_matter() -> None:
    check_image_name("web-1", [image(name="web-1", owner_id="2", id="ami-1")], "1")


@pytest.mark.parametrize("name", ["ab", "a" * 129, "web:1", "", "web\n1"])
def test_a_name_that_aws_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(EC2ClientError, match="is not valid"):
        check_image_name(name, [], "1")


def test_tags_go_to_the_resource_they_are_specified_for() -> None:
    specifications = [
        {"ResourceType": "image", "Tags": [{"Key": "a", "Value": "1"}]},
        {"ResourceType": "snapshot", "Tags": [{"Key": "b"}]},
    ]

    assert tags_for(specifications, "image") == {"a": "1"}
    assert tags_for(specifications, "snapshot") == {"b": ""}
