"""What a machine's cloud-init is told."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.machines.seed import Seed, decoded_user_data, meta_data, write_seed

SEED = Seed(
    instance_id="i-1",
    ami_id="ami-1",
    hostname="ip-127-0-1-10",
    public_keys=("ssh-ed25519 AAAA x",),
    user_data=b"",
)


def test_meta_data_has_what_the_web_service_reads_on_aws_too() -> None:
    assert json.loads(meta_data(SEED)) == {
        "instance-id": "i-1",
        "local-hostname": "ip-127-0-1-10",
        "ami-id": "ami-1",
        "public-keys": ["ssh-ed25519 AAAA x"],
    }


def test_no_user_data_is_an_empty_cloud_config(tmp_path: Path) -> None:
    write_seed(SEED, tmp_path / "seed")

    assert (tmp_path / "seed" / "user-data").read_text().startswith("#cloud-config\n")


def test_only_this_user_can_read_user_data(tmp_path: Path) -> None:
    write_seed(SEED, tmp_path / "seed")

    assert stat.S_IMODE((tmp_path / "seed").stat().st_mode) == 0o700


@given(st.binary(min_size=1))
def test_user_data_reaches_the_machine_byte_for_byte(data: bytes) -> None:
    encoded = base64.encodebytes(data)

    assert decoded_user_data(encoded) == data
    assert decoded_user_data(encoded.decode()) == data


@pytest.mark.parametrize("nothing", [None, "", b""])
def test_absent_user_data_is_empty(nothing: str | bytes | None) -> None:
    assert decoded_user_data(nothing) == b""


def test_user_data_that_is_no_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid BASE64 encoding of user data"):
        decoded_user_data("#!/bin/sh")
