"""How EC2 is asked."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from image_builder.ec2_client import make_client, poll_delay_seconds, reason_and_advice, reason_of
from image_builder.errors import ImageBuildError
from tests.image_builder.emulated_ec2 import REGION, EmulatedEc2


def test_a_client_waits_out_throttling_and_a_preview_gives_up_early(ec2: EmulatedEc2) -> None:
    assert ec2.endpoint_url == make_client(REGION).meta.endpoint_url
    configs: list[Any] = [make_client(REGION, is_preview=preview).meta.config for preview in (False, True)]

    assert [config.retries for config in configs] == [
        {"mode": "adaptive", "total_max_attempts": 18},
        {"mode": "adaptive", "total_max_attempts": 2},
    ]


def test_the_poll_delay_is_packers_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_POLL_DELAY_SECONDS", raising=False)
    assert poll_delay_seconds() == 5

    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "0.5")
    assert poll_delay_seconds() == 0.5


def test_an_error_of_aws_is_its_name_with_the_call_and_never_its_message() -> None:
    error = ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "arn of …"}}, "DescribeImages")

    assert reason_of(error) == "UnauthorizedOperation at DescribeImages"


def test_the_advice_fits_the_error() -> None:
    told = {
        code: reason_and_advice(ClientError({"Error": {"Code": code}}, "CreateTags"))
        for code in ("UnauthorizedOperation", "TagLimitExceeded")
    }

    assert told["UnauthorizedOperation"].endswith(" · check credentials, permissions and region")
    assert told["TagLimitExceeded"].startswith(
        "TagLimitExceeded at CreateTags · a resource has up to 50 tags"
    )


def test_the_region_is_the_one_that_is_asked_for_else_the_environments(
    ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    assert make_client("us-west-2").meta.region_name == "us-west-2"
    assert make_client(None).meta.region_name == "eu-west-1"

    monkeypatch.delenv("AWS_REGION")
    assert make_client(None).meta.region_name == ec2.environment["AWS_DEFAULT_REGION"]


def test_no_region_at_all_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(ImageBuildError, match="no AWS region is set · one was expected · pass --region"):
        make_client(None)
