"""What a machine is told at boot: cloud-init's NoCloud seed, in place of EC2's metadata address."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

EMPTY_USER_DATA = b"#cloud-config\n{}\n"


@dataclass(frozen=True, kw_only=True)
class Seed:
    """The metadata of one machine that its cloud-init reads."""

    instance_id: str
    ami_id: str
    hostname: str
    public_keys: tuple[str, ...]
    user_data: bytes
    credentials: str = ""
    """Of the instance's role, as the shared credentials file of AWS's SDKs; empty when it has none."""


def meta_data(seed: Seed) -> str:
    """The seed's meta-data; JSON, which is YAML, so no key can break out of its quotes."""
    values: dict[str, object] = {
        "instance-id": seed.instance_id,
        "local-hostname": seed.hostname,
        "ami-id": seed.ami_id,
        "public-keys": list(seed.public_keys),
    }
    return json.dumps(values, indent=2) + "\n"


def decoded_user_data(user_data: str | bytes | None) -> bytes:
    """User data as RunInstances and launch templates carry it (base64), as the machine reads it.

    Raises ValueError for what is no base64: EC2 answers InvalidParameterValue.
    """
    if not user_data:
        return b""
    raw = user_data.encode() if isinstance(user_data, str) else user_data
    try:
        return base64.b64decode(b"".join(raw.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("Invalid BASE64 encoding of user data.") from error


def write_seed(seed: Seed, folder: Path) -> None:
    """Write *seed* into *folder*, which only this user may read: user data may hold secrets."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "meta-data").write_text(meta_data(seed))
    (folder / "user-data").write_bytes(seed.user_data or EMPTY_USER_DATA)
