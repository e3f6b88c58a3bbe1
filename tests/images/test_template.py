"""What the web app's template promises, read from it and checked by Packer."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest

from image_builder.bases.base_image import LOCK_FILE, read_lock
from image_builder.packer_template.given_variables import GIVEN_VARIABLES
from tests.images.conftest import WEB_APP

SCRIPTS = sorted((WEB_APP / "provision").glob("*.sh"))


def packer(tools: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Packer's answer."""
    return subprocess.run(
        ["packer", *arguments],
        env={**os.environ, **tools},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=WEB_APP.parents[1],
    )


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The template as python-hcl2 reads it."""
    with (WEB_APP / "web-app.pkr.hcl").open() as file:
        return dict(plain(hcl2.load(file)))


def plain(value: Any) -> Any:
    """*value* without the quotation marks that newer versions of python-hcl2 keep around texts and labels."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


@pytest.fixture(scope="module")
def source(template: dict[str, Any]) -> dict[str, Any]:
    """The amazon-ebs source."""
    (source,) = template["source"]
    return dict(source["amazon-ebs"]["web_app"])


def test_packer_finds_the_template_valid_as_it_is(packer_tools: dict[str, str]) -> None:
    # By a relative path, as the README has it.
    result = packer(packer_tools, "validate", "images/web-app")

    assert result.returncode == 0, result.stdout + result.stderr


def test_packer_would_format_nothing_differently(packer_tools: dict[str, str]) -> None:
    result = packer(packer_tools, "fmt", "-check", "-diff", "-recursive", str(WEB_APP))

    assert result.returncode == 0, result.stdout + result.stderr


def test_packer_refuses_a_variable_that_the_template_does_not_declare(
    packer_tools: dict[str, str],
) -> None:
    result = packer(packer_tools, "validate", "-var", "ami_nmae=x", str(WEB_APP))

    assert result.returncode != 0
    assert "ami_nmae" in result.stdout + result.stderr


def test_it_declares_what_packer_image_gives(template: dict[str, Any]) -> None:
    names = {name for variable in template["variable"] for name in variable}

    assert set(GIVEN_VARIABLES) <= names


def test_the_readme_tells_what_packer_image_gives() -> None:
    _, _, section = (WEB_APP.parent / "README.md").read_text().partition("### What PackerImage gives\n")
    table = [line for line in section.partition("\n### ")[0].splitlines() if line.startswith("| `")]

    assert {name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])} == set(
        GIVEN_VARIABLES
    )


def test_the_machine_is_in_the_network_that_is_given(source: dict[str, Any]) -> None:
    for name in ("vpc_id", "subnet_id", "associate_public_ip_address", "ssh_interface"):
        assert source[name].strip("${}") == f"var.{name}"


def test_every_variable_says_what_it_is(template: dict[str, Any]) -> None:
    for variable in template["variable"]:
        for name, body in variable.items():
            if name != "__is_block__":
                assert body.get("description"), name
                assert "default" in body, name


def test_the_base_is_debians_own_ami_pinned_for_each_region(source: dict[str, Any]) -> None:
    lock = read_lock(WEB_APP)

    assert lock is not None
    assert source["source_ami"].strip("${}") == "local.base_image.ami_id"
    assert {image.owner_id for images in lock.images.values() for image in images.values()} == {
        "136693071363"
    }


def test_the_lock_is_written_as_the_command_writes_it() -> None:
    lock = read_lock(WEB_APP)

    assert lock is not None
    assert (WEB_APP / LOCK_FILE).read_text() == lock.to_text()


def test_the_build_machine_and_the_ami_take_imdsv2_only(source: dict[str, Any]) -> None:
    (metadata,) = source["metadata_options"]

    assert metadata["http_tokens"] == "required"
    assert source["imds_support"] == "v2.0"


def test_the_root_volume_is_encrypted_gp3_and_goes_with_its_machine(source: dict[str, Any]) -> None:
    (root,) = source["launch_block_device_mappings"]

    assert (root["volume_type"], root["encrypted"], root["delete_on_termination"]) == ("gp3", True, True)


@pytest.mark.parametrize("setting", ["tags", "snapshot_tags", "run_tags", "run_volume_tags"])
def test_everything_that_a_build_makes_is_tagged(source: dict[str, Any], setting: str) -> None:
    assert "var.tags" in source[setting]


def test_ssh_is_open_to_the_caller_alone_unless_networks_are_named(source: dict[str, Any]) -> None:
    narrowed = source["temporary_security_group_source_public_ip"]

    assert narrowed.strip("${}").replace(" ", "") == "length(var.ssh_source_cidrs)==0"


def test_the_clean_up_is_the_last_provisioner(template: dict[str, Any]) -> None:
    (build,) = template["build"]

    assert "clean_up.sh" in str(build["provisioner"][-1])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_stops_at_its_first_failure_and_is_no_bash(script: Path) -> None:
    text = script.read_text()

    assert text.startswith("#!/bin/sh\n#")
    assert "\nset -eu\n" in text
    assert script.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
