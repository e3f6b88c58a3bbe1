"""boto3 clients of an emulated AWS."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

from local_aws.home import REGION


def local_client(
    endpoint_url: str,
    service: str,
    *,
    region: str = REGION,
    secret_access_key: str = "local",
    config: Config | None = None,
) -> Any:
    """A client of *service* where *endpoint_url* answers, whatever the environment says."""
    return _session().client(
        service,
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key=secret_access_key,
        config=config,
    )


@functools.cache
def _session() -> Any:
    """One for all: each session reads the descriptions of the services anew, which takes most of a second."""
    return boto3.Session()
