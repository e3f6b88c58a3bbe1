"""The key that an account encrypts with by default."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from local_aws.machines.responses import get_ebs_default_kms_key_id


@pytest.mark.parametrize(("named", "told"), [("", "alias/aws/ebs"), ("arn:key", "arn:key")])
def test_it_is_awss_own_until_another_is_named(named: str, told: str) -> None:
    response = SimpleNamespace(ec2_backend=SimpleNamespace(default_kms_key_id=named))

    assert get_ebs_default_kms_key_id(response).result == {"KmsKeyId": told}
