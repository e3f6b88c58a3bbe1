"""Secrets as Secrets Manager and Parameter Store describe them; moto stands for both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.secret_versions import SecretsError, find_secrets
from local_aws.identity.parameters import put_arns_on_descriptions

REGION = "eu-central-1"
VALUE = "hunter2-never-shown"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with one secret and one SecureString."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    put_arns_on_descriptions()
    with mock_aws():
        client("secretsmanager").create_secret(Name="prod/database", SecretString=VALUE)
        client("ssm").put_parameter(Name="/prod/token", Value=VALUE, Type="SecureString")
        yield


def client(service: str) -> Any:
    """Whoever keeps secrets."""
    make: Any = boto3.client
    return make(service, region_name=REGION)


def problem_with(*names: str) -> str:
    """The lines that refuse these names."""
    with pytest.raises(SecretsError) as refusal:
        find_secrets(names, REGION)
    assert VALUE not in str(refusal.value)
    return str(refusal.value)


def test_no_names_ask_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", None)

    assert find_secrets([], REGION) == ()


def test_a_secret_has_its_whole_arn_and_the_id_of_its_current_version() -> None:
    described = client("secretsmanager").describe_secret(SecretId="prod/database")
    (version,) = described["VersionIdsToStages"]

    (secret,) = find_secrets(["prod/database"], REGION)

    assert (secret.arn, secret.version) == (described["ARN"], version)
    assert not secret.has_own_key
    (by_arn,) = find_secrets([described["ARN"]], REGION)
    assert by_arn.arn == secret.arn


def test_a_parameter_has_its_arn_and_the_number_of_its_version() -> None:
    client("ssm").put_parameter(Name="/prod/token", Value="new", Type="SecureString", Overwrite=True)

    (secret,) = find_secrets(["/prod/token"], REGION)

    assert secret.arn == f"arn:aws:ssm:{REGION}:123456789012:parameter/prod/token"
    assert (secret.version, secret.has_own_key) == ("2", False)


def test_another_value_is_another_version() -> None:
    before = find_secrets(["prod/database"], REGION)
    client("secretsmanager").put_secret_value(SecretId="prod/database", SecretString="new")

    assert find_secrets(["prod/database"], REGION)[0].version != before[0].version


def test_a_key_of_the_accounts_own_is_noticed() -> None:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("secretsmanager").create_secret(Name="own", SecretString="x", KmsKeyId=key)
    client("ssm").put_parameter(Name="/own/token", Value="x", Type="SecureString", KeyId=key)

    assert [secret.has_own_key for secret in find_secrets(["own", "/own/token"], REGION)] == [True, True]


def test_every_secret_that_is_not_there_has_a_line_with_what_makes_it() -> None:
    lines = problem_with("prod/databse", "prod/database", "/prod/tokn").splitlines()

    assert lines == [
        "secretNames has prod/databse, which is not in Secrets Manager of eu-central-1 · a secret that "
        "exists was expected · aws secretsmanager create-secret --name prod/databse "
        "--secret-string file://FILE --region eu-central-1",
        "secretNames has /prod/tokn, which is not in Parameter Store of eu-central-1 · a SecureString that "
        "exists was expected · aws ssm put-parameter --type SecureString --name /prod/tokn --value "
        "file://FILE --region eu-central-1",
    ]


def test_a_secret_that_is_being_deleted_is_not_there() -> None:
    client("secretsmanager").delete_secret(SecretId="prod/database")

    assert "aws secretsmanager restore-secret --secret-id prod/database" in problem_with("prod/database")


def test_a_secret_without_a_value_is_not_there() -> None:
    client("secretsmanager").create_secret(Name="empty")

    assert "empty, which has no value yet" in problem_with("empty")


def test_a_parameter_that_anybody_reads_in_the_clear_is_no_secret() -> None:
    client("ssm").put_parameter(Name="/prod/plain", Value=VALUE, Type="String")

    assert "/prod/plain, which is a String · a SecureString was expected" in problem_with("/prod/plain")


def test_what_aws_refuses_to_tell_is_a_line_with_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeSecret")

    class Denied:
        def describe_secret(self, **_: str) -> None:
            raise error

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Denied())

    line = problem_with("prod/database")

    assert "AccessDeniedException: no" in line
    assert "secretsmanager:DescribeSecret" in line
