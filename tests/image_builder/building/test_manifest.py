"""Packer's manifest → the one AMI of this run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_builder.building.manifest import read_built_ami
from image_builder.errors import ManifestError


def entry(artifact: str, run: str = "new", name: str = "web") -> dict[str, Any]:
    return {
        "name": name,
        "builder_type": "amazon-ebs",
        "artifact_id": artifact,
        "packer_run_uuid": run,
    }


def write(folder: Path, *entries: dict[str, Any]) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"builds": list(entries), "last_run_uuid": "new"}))
    return path


def test_returns_the_ami_of_the_last_run(tmp_path: Path) -> None:
    path = write(tmp_path, entry("us-east-1:ami-0a", run="old"), entry("us-east-1:ami-0b"))

    assert read_built_ami(path, "us-east-1") == "ami-0b"


def test_several_regions_are_refused_and_each_ami_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, entry("eu-west-1:ami-0a,us-east-1:ami-0b"))

    with pytest.raises(ManifestError) as raised:
        read_built_ami(path, "us-east-1")

    assert "ami-0a in eu-west-1 (amazon-ebs.web), ami-0b in us-east-1 (amazon-ebs.web)" in str(raised.value)


def test_several_sources_are_refused_and_each_ami_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, entry("us-east-1:ami-0a"), entry("us-east-1:ami-0b", name="other"))

    with pytest.raises(ManifestError, match=r"ami-0a .*amazon-ebs.web.*ami-0b .*amazon-ebs.other"):
        read_built_ami(path, "us-east-1")


def test_another_region_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="Packer made ami-0a in eu-west-1"):
        read_built_ami(write(tmp_path, entry("eu-west-1:ami-0a")), "us-east-1")


def test_a_run_that_made_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="names no AMI"):
        read_built_ami(write(tmp_path, entry("us-east-1:ami-0a", run="old")), "us-east-1")


def test_what_is_no_ami_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="made 'sha256:1234'"):
        read_built_ami(write(tmp_path, entry("sha256:1234")), "us-east-1")


def test_a_manifest_that_was_not_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nothing\.json was not written by Packer"):
        read_built_ami(tmp_path / "nothing.json", "us-east-1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["builds", "last_run_uuid", "packer_run_uuid", "artifact_id", "name", "builder_type"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(garbage=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_a_manifest_error(garbage: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("garbage") / "manifest.json"
    path.write_bytes(garbage)

    with pytest.raises(ManifestError) as raised:
        read_built_ami(path, "us-east-1")

    assert "\n" not in str(raised.value)
