"""One local AWS for the tests of faults; each finds it without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_aws.home import REGION, Home
from tests.support.faults import Faults
from tests.support.local_aws import running_local_aws

MakeClient = Callable[..., Any]


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running local AWS."""
    with running_local_aws(tmp_path_factory.mktemp("local-aws")) as home:
        yield home


@pytest.fixture
def faults(home: Home) -> Iterator[Faults]:
    """Its faults, all ended afterwards."""
    faults = Faults(home)
    yield faults
    faults.clear()


@pytest.fixture
def client(home: Home) -> MakeClient:
    """Makes boto3 clients that try each call once and wait 5 s for an answer."""

    def make(service: str, *, user_agent: str = "", read_timeout: float = 5) -> Any:
        session: Any = boto3.Session()
        return session.client(
            service,
            endpoint_url=home.endpoint_url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="planted-secret",
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=read_timeout,
                user_agent_extra=user_agent,
            ),
        )

    return make
