"""What the API's front lets in."""

from __future__ import annotations

import pytest

from local_aws.api import refusal
from local_aws.faults.call import service_of

SIGNATURE = "AWS4-HMAC-SHA256 Credential=local/20261123/us-east-1/{}/aws4_request, SignedHeaders=host"


def test_the_service_is_read_from_the_signature() -> None:
    assert service_of(SIGNATURE.format("ec2")) == "ec2"


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Credential=a/b/c/d/aws4_request", "x" * 9999])
def test_what_is_no_signature_names_no_service(authorization: str) -> None:
    assert service_of(authorization) is None


def test_a_service_that_is_implemented_is_let_in() -> None:
    assert refusal({"HTTP_AUTHORIZATION": SIGNATURE.format("autoscaling")}) is None


def test_another_service_is_refused_by_name() -> None:
    reason = refusal({"HTTP_AUTHORIZATION": SIGNATURE.format("lambda")})

    assert reason is not None
    assert reason.startswith("the local AWS does not implement lambda · it has autoscaling, ec2,")


def test_an_unsigned_request_is_told_how_requests_are_signed() -> None:
    reason = refusal({})

    assert reason is not None
    assert "python -m local_aws env" in reason
