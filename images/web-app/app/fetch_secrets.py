"""Fetches the secrets that user data names, with the machine's role, into a file that root alone reads.

Runs once at each boot, before the service. One secret that cannot be had fails it: the service does not
start, no health check passes, and the rollout goes back. Values are never printed, nor any error that could
have one in it: only AWS's code and message for a request that failed.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# cloud-init writes it from user data; a machine without secrets has none.
ASKED_FOR = Path("/etc/secrets-at-boot.json")
FETCHED = Path("/run/web-app-secrets/secrets.json")
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 2
# These do not pass by themselves; everything else may, and denials do, for seconds after a policy was made
# ("Changes that I make are not always immediately visible", IAM user guide).
FINAL = frozenset(
    {"InvalidParameterException", "InvalidRequestException", "ParameterNotFound", "ResourceNotFoundException"}
)

Read = Callable[[str], Mapping[str, Any]]


class SecretError(Exception):
    """A secret cannot be had; tells its name and the reason."""


def main(asked_for: Path = ASKED_FOR, fetched: Path = FETCHED) -> None:
    """Fetch all that is asked for; ends the process with the reason when one cannot be had."""
    if not asked_for.exists():
        write(fetched, {})
        return
    try:
        wanted = json.loads(asked_for.read_text(encoding="utf-8"))
        secrets = fetch(list(wanted["secrets"]), reader_in(wanted["region"]))
    except SecretError as error:
        sys.exit(f"web-app-secrets: {error}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"web-app-secrets: {asked_for} is not what user data writes ({type(error).__name__})")
    write(fetched, secrets)
    print(f"web-app-secrets: fetched {describe(secrets)}")


def fetch(
    names: list[str],
    read: Read,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Mapping[str, Any]]:
    """Each secret by its name; SecretError when one cannot be had in the time that all have together."""
    from botocore.exceptions import BotoCoreError, ClientError

    deadline = now() + PATIENCE_SECONDS
    found: dict[str, Mapping[str, Any]] = {}
    told: set[tuple[str, str]] = set()
    for name in names:
        while name not in found:
            try:
                found[name] = read(name)
            except (BotoCoreError, ClientError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
                if code in FINAL or now() > deadline:
                    raise SecretError(f"{name} cannot be read: {' '.join(str(error).split())}") from None
                if (name, code) not in told:
                    told.add((name, code))
                    print(
                        f"web-app-secrets: {name}: {code or type(error).__name__}, trying again", flush=True
                    )
                sleep(PAUSE_SECONDS)
    return found


def reader_in(region: str) -> Read:
    """What reads a secret in *region*: its value and the id of its version."""
    import boto3  # a second that a machine without secrets does not take
    from botocore.config import Config

    config = Config(region_name=region, connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})

    def client(service: str) -> Any:
        # Debian 12's botocore is older than this variable of AWS's SDKs, by which VPC endpoints are given.
        make: Any = boto3.client
        return make(service, config=config, endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))

    def read(name: str) -> Mapping[str, Any]:
        if name.startswith("/"):
            parameter = client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
            return {"version": str(parameter["Version"]), "value": parameter["Value"]}
        secret = client("secretsmanager").get_secret_value(SecretId=name)
        if "SecretString" in secret:
            return {"version": secret["VersionId"], "value": secret["SecretString"]}
        return {"version": secret["VersionId"], "base64": base64.b64encode(secret["SecretBinary"]).decode()}

    return read


def write(file: Path, secrets: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the secrets for systemd's LoadCredential, in a file that nobody else ever can open."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(secrets, stream)


def describe(secrets: Mapping[str, Mapping[str, Any]]) -> str:
    """Names and version ids."""
    return ", ".join(f"{name} (version {secret['version']})" for name, secret in secrets.items())


if __name__ == "__main__":
    main()
