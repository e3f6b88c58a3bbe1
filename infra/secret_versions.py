"""Secrets Manager and Parameter Store through boto3: what there is, and its version; never a value.

The answers of DescribeSecret and DescribeParameters have none in them, while the functions of pulumi_aws that
tell a parameter's version read its value too, and Pulumi would keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boto3
import pulumi
from botocore.config import Config

from infra.rollout.aws_errors import AWS_ERRORS, describe_error, error_code
from infra.secrets import Secret

CURRENT = "AWSCURRENT"
DEFAULT_PARAMETER_KEY = "alias/aws/ssm"


class SecretsError(pulumi.RunError):
    """A secret cannot be what machines read; each line names one. Pulumi shows it without a traceback."""


class _Problem(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with one secret."""


def find_secrets(names: Sequence[str], region: str) -> tuple[Secret, ...]:
    """The secrets of these *names* in *region*, as they are now; SecretsError if one is not there."""
    if not names:
        return ()
    config = Config(
        region_name=region,
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=5,
        read_timeout=20,
    )
    make: Any = boto3.client
    stored, parameters = make("secretsmanager", config=config), make("ssm", config=config)
    found: list[Secret] = []
    problems: list[str] = []
    for name in names:
        try:
            found.append(
                _find_parameter(parameters, name, region)
                if name.startswith("/")
                else _find_stored(stored, name, region)
            )
        except _Problem as problem:
            problems.append(str(problem))
        except AWS_ERRORS as error:
            problems.append(
                f"secretNames has {name}, and AWS does not say whether there is such a secret "
                f"({describe_error(error)}) · secretsmanager:DescribeSecret and ssm:DescribeParameters were "
                "expected to be allowed · allow them and run it again"
            )
    if problems:
        raise SecretsError("\n".join(problems))
    return tuple(found)


def _find_stored(client: Any, name: str, region: str) -> Secret:
    try:
        answer = client.describe_secret(SecretId=name)
    except AWS_ERRORS as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        raise _Problem(
            f"secretNames has {name}, which is not in Secrets Manager of {region} · a secret that exists was "
            f"expected · aws secretsmanager create-secret --name {name} --secret-string file://FILE "
            f"--region {region}"
        ) from None
    if deleted := answer.get("DeletedDate"):
        raise _Problem(
            f"secretNames has {name}, which is to be deleted since {deleted:%Y-%m-%d} · a secret that stays "
            f"was expected · aws secretsmanager restore-secret --secret-id {name} --region {region}"
        )
    versions = answer.get("VersionIdsToStages", {})
    current = [version for version, stages in versions.items() if CURRENT in stages]
    if not current:
        raise _Problem(
            f"secretNames has {name}, which has no value yet · a version that is {CURRENT} was expected · "
            f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file://FILE "
            f"--region {region}"
        )
    # KmsKeyId is left out for AWS's own key (DescribeSecret, Secrets Manager API reference).
    return Secret(name=name, arn=answer["ARN"], version=current[0], has_own_key=bool(answer.get("KmsKeyId")))


def _find_parameter(client: Any, name: str, region: str) -> Secret:
    wanted = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    pages = client.get_paginator("describe_parameters").paginate(ParameterFilters=wanted)
    found = [parameter for page in pages for parameter in page["Parameters"]]
    if not found:
        raise _Problem(
            f"secretNames has {name}, which is not in Parameter Store of {region} · a SecureString that "
            f"exists was expected · aws ssm put-parameter --type SecureString --name {name} "
            f"--value file://FILE --region {region}"
        )
    (parameter,) = found
    if parameter["Type"] != "SecureString":
        raise _Problem(
            f"secretNames has {name}, which is a {parameter['Type']} · a SecureString was expected, as "
            f"anything else is kept in the clear · delete it, and put it again with --type SecureString"
        )
    return Secret(
        name=name,
        arn=parameter["ARN"],
        version=str(parameter["Version"]),
        has_own_key=parameter.get("KeyId", DEFAULT_PARAMETER_KEY) != DEFAULT_PARAMETER_KEY,
    )
