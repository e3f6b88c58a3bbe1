"""How this computer's apt configuration becomes the base image's, and when an image is another one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from local_aws.home import LocalAwsError
from local_aws.machines.base_ami import describe_base_ami, own_base_ami
from local_aws.machines.recipe import Recipe, apt_settings, debian_sources, files_below

ROOT = Path(__file__).resolve().parents[3]
TARGETS = """\
http://archive.example/debian/|bookworm|main
http://archive.example/debian/|bookworm|main
http://archive.example/debian/|bookworm|contrib
http://archive.example/debian/|bookworm-updates|main
http://archive.example/debian-security/|bookworm-security|main
https://tools.example/apt/|nodistro|main
"""
RECIPE = Recipe(sources=("a",), apt_settings="b", certificates=(("c", b"d"),), overlay=(("e", b"f"),))


def test_debian_12_of_this_computers_archive_is_used_and_nothing_of_other_vendors() -> None:
    key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"

    assert debian_sources(TARGETS) == (
        f"deb {key} http://archive.example/debian/ bookworm main",
        f"deb {key} http://archive.example/debian/ bookworm-updates main",
        f"deb {key} http://archive.example/debian-security/ bookworm-security main",
    )


def test_a_computer_without_debian_12_leaves_the_choice_to_mmdebstrap() -> None:
    assert debian_sources("http://archive.example/debian/|trixie|main\n") == ()
    assert debian_sources("http://archive.example/debian-security/|bookworm-security|main\n") == ()
    assert debian_sources("") == ()


def test_only_settings_that_reach_the_archive_are_taken_over() -> None:
    dump = 'Acquire::Check-Date "false";\nAPT::Architecture "amd64";\nAcquire::http::Proxy "";\n'

    assert apt_settings(dump, {}) == 'Acquire::Check-Date "false";\n'


def test_a_proxy_of_the_environment_is_apts_proxy_unless_apt_has_one() -> None:
    environment = {"http_proxy": "http://proxy.example:3128"}
    own = 'Acquire::http::Proxy "http://other.example";\n'

    assert apt_settings("", environment) == 'Acquire::http::Proxy "http://proxy.example:3128";\n'
    assert apt_settings(own, environment) == own


def test_every_input_of_the_recipe_changes_the_images_name() -> None:
    others = [
        replace(RECIPE, sources=("z",)),
        replace(RECIPE, apt_settings="z"),
        replace(RECIPE, certificates=(("c", b"z"),)),
        replace(RECIPE, overlay=(("z", b"f"),)),
    ]

    assert len({recipe.tag for recipe in [RECIPE, *others]}) == 5
    assert RECIPE.tag == replace(RECIPE).tag


def test_a_folder_that_is_missing_has_no_files(tmp_path: Path) -> None:
    assert files_below(tmp_path / "missing") == ()


def test_the_base_ami_is_found_like_debians_own() -> None:
    ami = describe_base_ami(own_base_ami("x86_64"))

    assert ami["name"] == "debian-12-amd64-20241201-1948"
    assert ami["owner_id"] == "136693071363"
    assert own_base_ami("aarch64").architecture == "arm64"
    with pytest.raises(LocalAwsError, match="riscv64"):
        own_base_ami("riscv64")


def test_the_image_of_this_project_is_pinned_to_the_base_ami() -> None:
    lock = json.loads((ROOT / "images/web-app/base-image.lock.json").read_text())
    pinned = lock["images"]["us-east-1"]["x86_64"]
    base = own_base_ami("x86_64")

    assert (pinned["ami_id"], pinned["name"]) == (base.ami_id, base.name)
