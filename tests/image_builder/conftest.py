"""An emulated EC2 for all tests of this folder, empty for each; and hosts of the provider that use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from image_builder.amis import Amis
from tests.image_builder.emulated_ec2 import REGION, EmulatedEc2, running_ec2
from tests.image_builder.provider_host import Host, running_host


@pytest.fixture(scope="session")
def shared_ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedEc2]:
    """The one that is shared."""
    with running_ec2(tmp_path_factory.mktemp("ec2")) as ec2:
        yield ec2


@pytest.fixture
def ec2(shared_ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch) -> EmulatedEc2:
    """An empty EC2, which this process uses too."""
    shared_ec2.reset()
    for name, value in shared_ec2.environment.items():
        monkeypatch.setenv(name, value)
    return shared_ec2


@pytest.fixture
def amis(ec2: EmulatedEc2) -> Amis:
    """Its AMIs."""
    return Amis(ec2.client(), REGION)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the program and the provider run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def host(ec2: EmulatedEc2, project: Path) -> Iterator[Host]:
    """A host of the provider in the project."""
    with running_host(project, ec2.environment) as host:
        yield host
