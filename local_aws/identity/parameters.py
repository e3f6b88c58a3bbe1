"""What moto's Systems Manager leaves out of a parameter's description."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.ssm.utils import parameter_arn

_describe_as_moto = SimpleSystemManagerResponse.describe_parameters


def put_arns_on_descriptions() -> None:
    """Make DescribeParameters tell ARNs, and no values: ParameterMetadata, Systems Manager API reference."""
    setattr(SimpleSystemManagerResponse, "describe_parameters", describe_parameters)  # noqa: B010


def describe_parameters(response: Any) -> ActionResult:
    """DescribeParameters."""
    answer = _describe_as_moto(response)
    described: Any = answer.result
    for parameter in described["Parameters"]:
        del parameter["Value"]
        parameter["ARN"] = parameter_arn(response.current_account, response.region, parameter["Name"])
    return answer
