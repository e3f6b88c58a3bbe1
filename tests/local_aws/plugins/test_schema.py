"""What pulumi_aws declares: read from its classes once, and from then on from what was kept of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from local_aws.plugins.aws import schema


@pytest.fixture(autouse=True)
def _cache_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def reasons(inputs: dict[str, Any]) -> list[str]:
    return [failure.reason for failure in schema.find_undeclared("ec2.LaunchTemplateArgs", inputs)]


def test_a_property_that_is_not_declared_is_found_at_any_depth_also_in_what_was_kept() -> None:
    inputs = {"imageIdd": "ami-1", "metadataOptions": {"httpTokenz": "required"}, "name": "web"}
    expected = [
        "imageIdd is no property that pulumi_aws declares; did you mean imageId?",
        "metadataOptions.httpTokenz is no property that pulumi_aws declares; did you mean httpTokens?",
    ]

    assert reasons(inputs) == expected
    assert reasons(inputs) == expected


def test_the_classes_are_read_once_for_each_version_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = schema.declarations_of("ec2.SecurityGroupArgs")
    monkeypatch.setitem(sys.modules, "pulumi_aws", None)

    assert schema.declarations_of("ec2.SecurityGroupArgs") == kept

    monkeypatch.setattr("importlib.metadata.version", lambda _package: "0.0.1")
    with pytest.raises(ImportError):
        schema.declarations_of("ec2.SecurityGroupArgs")


def test_what_was_kept_half_is_read_again(tmp_path: Path) -> None:
    whole = schema.declarations_of("iam.RoleArgs")
    (file,) = tmp_path.rglob("iam.RoleArgs.json")
    file.write_text(json.dumps(whole)[:100])

    assert schema.declarations_of("iam.RoleArgs") == whole
