"""Promises of tools/versions.py."""

import pytest

from tools.versions import (
    VersionError,
    is_good,
    parse_version,
    read_go_version,
    read_module_version,
    read_requirement_version,
)

GO_MOD = """module tools/packer

go 1.25.11

require (
\tgithub.com/hashicorp/packer v1.15.0
\tgithub.com/hashicorp/packer-plugin-amazon v1.8.0
)
require github.com/pulumi/pulumi/pkg/v3 v3.259.0
"""


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("v3.259.0\n", (3, 259, 0)),
        ("Packer v1.15.0\n\nYour version is out of date", (1, 15, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("v1.8.0_x5.0_linux_amd64", (1, 8, 0)),
        ("3.260.0-dev.1", (3, 260, 0)),
        ("", None),
        ("no number here", None),
    ],
)
def test_reads_the_version_that_a_tool_prints(printed: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(printed) == version


@pytest.mark.parametrize(
    ("version", "expected"),
    [((3, 250), True), ((3, 259, 0), True), ((3, 249, 9), False), ((4, 0, 0), False), (None, False)],
)
def test_a_version_is_good_from_the_lowest_up_to_the_next_major(
    version: tuple[int, ...] | None, expected: bool
) -> None:
    assert is_good(version, at_least=(3, 250), below=(4,)) is expected


def test_reads_what_a_go_mod_requires() -> None:
    assert read_go_version(GO_MOD) == (1, 25, 11)
    assert read_module_version(GO_MOD, "github.com/hashicorp/packer") == "1.15.0"
    assert read_module_version(GO_MOD, "github.com/hashicorp/packer-plugin-amazon") == "1.8.0"
    assert read_module_version(GO_MOD, "github.com/pulumi/pulumi/pkg/v3") == "3.259.0"


def test_says_which_module_a_go_mod_lacks() -> None:
    with pytest.raises(VersionError, match=r"example\.com/other"):
        read_module_version(GO_MOD, "example.com/other")


def test_reads_the_pin_of_a_package_with_hashes() -> None:
    requirements = "pulumi==3.272.0 \\\n    --hash=sha256:aa\npulumi-aws==7.51.1 \\\n    --hash=sha256:bb\n"

    assert read_requirement_version(requirements, "pulumi-aws") == "7.51.1"
    assert read_requirement_version(requirements, "pulumi") == "3.272.0"
