"""How this computer's apt configuration becomes the base image's, and when an image is another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from local_aws.machines.base_ami import base_ami, base_ami_id
from local_aws.machines.recipe import Recipe, apt_settings, debian_sources, files_below

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
    ami = base_ami("image:1", "2026-11-23T06:57:14.000Z", "x86_64")

    assert ami["name"] == "debian-12-amd64-20261123-0657"
    assert ami["owner_id"] == "136693071363"
    assert ami["ami_id"] == base_ami_id("image:1") != base_ami_id("image:2")
    assert base_ami("image:1", "2026-11-23T06:57:14.000Z", "aarch64")["architecture"] == "arm64"
