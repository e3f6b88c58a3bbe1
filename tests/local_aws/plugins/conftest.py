"""A plugin over a plain emulator: no machine, no proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import grpc
import pytest
from moto.server import ThreadedMotoServer

from tests.local_aws.plugins.engine import Engine, start_plugin, stop_plugin
from tests.support.clients import local_client


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where the emulator listens, and clients of it."""

    endpoint_url: str

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return local_client(self.endpoint_url, service)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """An emulated account."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        try:
            host, port = server.get_host_and_port()
            # Emulated accounts live as long as their process, with the policies they began with.
            urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
            yield Account(endpoint_url=f"http://{host}:{port}")
        finally:
            server.stop()


@pytest.fixture(scope="module")
def engine(account: Account) -> Iterator[Engine]:
    """The plugin at work on that account."""
    process = start_plugin(
        {
            **os.environ,
            "AWS_ENDPOINT_URL": account.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
    try:
        assert process.stdout
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield Engine(channel)
    finally:
        stop_plugin(process)
