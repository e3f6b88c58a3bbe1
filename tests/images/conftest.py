"""The web app as a module, and Packer as the set-up chose it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tools.local_environment import tool_environment
from tools.toolchain import ROOT, read_toolchain

WEB_APP = ROOT / "images" / "web-app"
BUILD_FACTS = {"fingerprint": "0123456789abcdef" * 4, "git_commit": "4e5f6a7"}
# As cloud-init 22.4 writes it on EC2, shortened: DataSourceEc2.py, crawl_metadata.
INSTANCE_DATA = {
    "base64_encoded_keys": [],
    "ds": {
        "_doc": "EXPERIMENTAL: The structure and format of content scoped under the 'ds' key may change",
        "_metadata_api_version": "2021-03-23",
        "dynamic": {"instance-identity": {"document": {"imageId": "ami-0a1", "instanceId": "i-0b2"}}},
        "meta-data": {
            "ami-id": "ami-0a1",
            "ami-launch-index": "0",
            "instance-id": "i-0b2",
            "placement": {"availability-zone": "us-east-1a", "region": "us-east-1"},
        },
    },
    "v1": {"cloud_id": "aws", "instance-id": "i-0b2", "instance_id": "i-0b2", "platform": "ec2"},
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """server.py of the web app, loaded from a copy: what loading leaves beside it is no part of the image."""
    folder = tmp_path_factory.mktemp("web-app") / "app"
    shutil.copytree(WEB_APP / "app", folder)
    spec = importlib.util.spec_from_file_location("web_app_server", folder / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build_facts(tmp_path: Path) -> Path:
    """What an image is built with."""
    file = tmp_path / "image.json"
    file.write_text(json.dumps(BUILD_FACTS))
    return file


@pytest.fixture
def instance_data(tmp_path: Path) -> Path:
    """What cloud-init tells of a machine."""
    file = tmp_path / "instance-data.json"
    file.write_text(json.dumps(INSTANCE_DATA))
    return file


@pytest.fixture(scope="session")
def packer_tools() -> dict[str, str]:
    """The environment variables by which `packer` and the amazon plugin are found."""
    return tool_environment(read_toolchain(), os.environ.get("PATH", ""))
