"""What a machine's credentials let it do; everybody else's are not asked about."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.secrets import Secret, reading_policy
from local_aws.faults.call import read_call
from local_aws.faults.errors import Refusal
from local_aws.home import ACCOUNT_ID, REGION
from local_aws.identity.credentials import give_credentials
from local_aws.identity.permissions import refuse

INSTANCE = "i-0123456789abcdef0"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with secrets that the role may read, and others."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        for name in ("web/mine", "web/other"):
            client("secretsmanager").create_secret(Name=name, SecretString="x")
        iam = client("iam")
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))
        core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        iam.attach_role_policy(RoleName="web", PolicyArn=core)
        yield


def client(service: str) -> Any:
    """Whoever administers the account."""
    make: Any = boto3.client
    return make(service, region_name=REGION)


def allow_own_secrets() -> None:
    """The policy that the program makes, for one secret and one parameter."""
    arn = client("secretsmanager").describe_secret(SecretId="web/mine")["ARN"]
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/web/mine"
    secrets = [
        Secret(name="web/mine", arn=arn, version="1", has_own_key=True),
        Secret(name="/web/mine", arn=parameter, version="1", has_own_key=False),
    ]
    client("iam").put_role_policy(
        RoleName="web", PolicyName="own", PolicyDocument=reading_policy(secrets, REGION)
    )


def credentials() -> dict[str, str]:
    """A machine's."""
    parser = configparser.ConfigParser()
    parser.read_string(
        give_credentials(
            account_id=ACCOUNT_ID,
            region=REGION,
            role_arn=f"arn:aws:iam::{ACCOUNT_ID}:role/web",
            instance_id=INSTANCE,
        )
    )
    return dict(parser["default"])


def ask(given: dict[str, str], service: str, action: str, **parameters: str) -> Refusal | None:
    """How a call with these credentials is judged."""
    environ = {
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={given['aws_access_key_id']}/20260101/{REGION}/"
        f"{service}/aws4_request, SignedHeaders=host, Signature=0",
        "HTTP_X_AMZ_TARGET": f"{service}.{action}",
        "HTTP_X_AMZ_SECURITY_TOKEN": given.get("aws_session_token", ""),
    }
    body = json.dumps(parameters).encode()
    return refuse(read_call(environ, body), environ, body)


def test_a_machine_may_read_its_own_secrets_by_name_and_by_arn() -> None:
    allow_own_secrets()
    arn = client("secretsmanager").describe_secret(SecretId="web/mine")["ARN"]

    for name in ("web/mine", arn):
        assert ask(credentials(), "secretsmanager", "GetSecretValue", SecretId=name) is None
    for name in ("/web/mine", "/web/mine:3"):
        assert ask(credentials(), "ssm", "GetParameter", Name=name) is None


def test_a_machine_may_read_nobody_elses_and_is_told_so_in_awss_words() -> None:
    allow_own_secrets()

    refusal = ask(credentials(), "secretsmanager", "GetSecretValue", SecretId="web/other")

    assert refusal is not None
    assert (refusal.status, refusal.code) == (400, "AccessDeniedException")
    assert refusal.message.startswith(
        f"User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/web/{INSTANCE} is not authorized to perform: "
        f"secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:"
        "web/other-"
    )
    assert ask(credentials(), "secretsmanager", "GetSecretValue", SecretId="web/none") is not None
    assert ask(credentials(), "ssm", "GetParameter", Name="/web/other") is not None


def test_session_managers_policy_alone_lets_a_machine_read_every_parameter_and_ours_does_not() -> None:
    """Why the program's policy denies what it does not allow."""
    assert ask(credentials(), "ssm", "GetParameter", Name="/anybody/s") is None
    allow_own_secrets()

    assert ask(credentials(), "ssm", "GetParameter", Name="/anybody/s") is not None
    assert ask(credentials(), "ssm", "GetParameters", Names="/anybody/s") is not None


def test_a_machine_may_ask_who_it_is_and_do_nothing_else() -> None:
    assert ask(credentials(), "sts", "GetCallerIdentity") is None
    assert ask(credentials(), "secretsmanager", "DeleteSecret", SecretId="web/mine") is not None


def test_a_key_without_its_token_is_nobodys() -> None:
    refusal = ask({**credentials(), "aws_session_token": "x"}, "ssm", "GetParameter", Name="/x")

    assert refusal is not None
    assert refusal.code == "UnrecognizedClientException"


def test_other_credentials_may_do_everything() -> None:
    assert ask({"aws_access_key_id": "local"}, "secretsmanager", "DeleteSecret", SecretId="x") is None
