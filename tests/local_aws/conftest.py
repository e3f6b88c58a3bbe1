"""A local AWS for the tests that need real machines: one for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_aws.home import Home
from tests.support.local_aws import running_local_aws


@pytest.fixture(scope="module")
def local_aws_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running local AWS with an empty account."""
    with running_local_aws(tmp_path_factory.mktemp("local-aws")) as home:
        yield home
