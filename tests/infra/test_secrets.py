"""What machines may read, and what they are told of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml

from infra.secrets import BOOT_FILE, Secret, reading_policy, user_data, versions_of

REGION = "eu-central-1"
DATABASE = Secret(
    name="prod/database",
    arn=f"arn:aws:secretsmanager:{REGION}:123456789012:secret:prod/database-Ab12Cd",
    version="1f2e3d4c",
    has_own_key=False,
)
TOKEN = Secret(
    name="/prod/token",
    arn=f"arn:aws:ssm:{REGION}:123456789012:parameter/prod/token",
    version="3",
    has_own_key=True,
)


def statements(*secrets: Secret) -> list[dict[str, Any]]:
    """The statements of the policy for these secrets."""
    return list(json.loads(reading_policy(secrets, REGION))["Statement"])


def test_a_machine_may_read_each_secret_by_its_whole_arn() -> None:
    allowed = {
        statement["Action"]: statement["Resource"]
        for statement in statements(DATABASE, TOKEN)
        if statement["Effect"] == "Allow" and "Condition" not in statement
    }

    assert allowed == {"secretsmanager:GetSecretValue": [DATABASE.arn], "ssm:GetParameter": [TOKEN.arn]}


def test_no_other_parameter_may_be_read_whatever_another_policy_allows() -> None:
    for secrets, arns in (((DATABASE,), []), ((DATABASE, TOKEN), [TOKEN.arn])):
        (denied,) = [one for one in statements(*secrets) if one["Effect"] == "Deny"]

        assert denied["NotResource"] == [*arns, f"arn:aws:ssm:{REGION}::parameter/aws/*"]
        assert {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"} <= set(denied["Action"])


def test_a_key_of_ones_own_may_decrypt_this_secret_through_its_service_and_nothing_else() -> None:
    (decrypt,) = [one for one in statements(DATABASE, TOKEN) if one["Action"] == "kms:Decrypt"]

    assert decrypt["Condition"] == {
        "StringEquals": {
            "kms:ViaService": f"ssm.{REGION}.amazonaws.com",
            "kms:EncryptionContext:PARAMETER_ARN": [TOKEN.arn],
        }
    }


def test_awss_own_keys_need_no_permission() -> None:
    assert not [one for one in statements(DATABASE) if one["Action"] == "kms:Decrypt"]


def test_cloud_init_writes_names_and_versions_and_the_region() -> None:
    text = base64.b64decode(user_data([DATABASE, TOKEN], REGION)).decode()

    assert text.startswith("#cloud-config\n")
    (file,) = yaml.safe_load(text)["write_files"]
    assert file["path"] == BOOT_FILE
    assert json.loads(file["content"]) == {
        "region": REGION,
        "secrets": {"prod/database": "1f2e3d4c", "/prod/token": "3"},
    }


def test_a_new_version_is_other_user_data_and_shows_by_its_id() -> None:
    rotated = Secret(**{**vars(DATABASE), "version": "9a8b7c6d"})

    assert user_data([rotated], REGION) != user_data([DATABASE], REGION)
    assert versions_of([rotated]) == {"prod/database": "9a8b7c6d"}
