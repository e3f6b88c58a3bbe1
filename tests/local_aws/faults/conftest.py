"""One local AWS for the tests of faults; each finds it without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from local_aws.home import Home
from tests.support.clients import local_client
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
        config = Config(
            retries={"total_max_attempts": 1}, read_timeout=read_timeout, user_agent_extra=user_agent
        )
        return local_client(home.endpoint_url, service, secret_access_key="planted-secret", config=config)

    return make
