"""Promises of the set-up's decisions: what is missing, what is used as it is, what has to be mended first."""

import dataclasses
from pathlib import Path

import pytest

from tools.fresh_machine import debian
from tools.fresh_machine.machine import Machine, find_good, find_problems, lists_good_amazon_plugin
from tools.fresh_machine.main import choose_toolchain, needs_go, pinned_tools, plan

GO = (1, 25, 11)
BARE = Machine(
    lacks_ensurepip=False,
    is_systems_python=True,
    go=GO,
    missing_packages=("podman", "haproxy"),
    has_apt=True,
    is_root=True,
    has_sudo=False,
    pulumi=None,
    has_language_host=False,
    packer=None,
    has_amazon_plugin=False,
)
EQUIPPED = dataclasses.replace(
    BARE,
    missing_packages=(),
    pulumi=Path("/opt/pulumi/pulumi"),
    has_language_host=True,
    packer=Path("/usr/bin/packer"),
    has_amazon_plugin=True,
)


def steps_of(machine: Machine, cache: Path) -> list[str]:
    return [step.name for step in plan(machine, pinned_tools(machine, cache))]


def executable(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_a_bare_machine_needs_every_step(tmp_path: Path) -> None:
    assert steps_of(BARE, tmp_path) == [
        "debian",
        "python",
        "base-image",
        "packer",
        "amazon-plugin",
        "pulumi",
        "language-host",
    ]
    assert needs_go(BARE, pinned_tools(BARE, tmp_path))


def test_what_is_on_path_in_a_good_version_is_not_built(tmp_path: Path) -> None:
    tools = pinned_tools(EQUIPPED, tmp_path)

    assert steps_of(EQUIPPED, tmp_path) == ["debian", "python", "base-image"]
    assert not needs_go(EQUIPPED, tools)
    assert choose_toolchain(EQUIPPED, tools).packer_plugin_path is None
    assert len(choose_toolchain(EQUIPPED, tools).path) == 1


def test_a_pulumi_without_its_language_host_gets_the_stand_in_alone(tmp_path: Path) -> None:
    machine = dataclasses.replace(EQUIPPED, has_language_host=False)
    tools = pinned_tools(machine, tmp_path)

    assert steps_of(machine, tmp_path) == ["debian", "python", "base-image", "language-host"]
    assert choose_toolchain(machine, tools).path[1] == str(tools.distribution)
    assert tools.distribution.name.startswith("pulumi-language-python-")


def test_tools_are_kept_by_version(tmp_path: Path) -> None:
    tools = pinned_tools(BARE, tmp_path)

    assert tools.pulumi.executable == tmp_path / f"pulumi-{tools.pulumi.version}" / "pulumi"
    assert f"version.Version=v{tools.pulumi.version}" in " ".join(tools.pulumi.build_command(Path("out")))


def test_a_ready_machine_has_no_problems() -> None:
    assert find_problems(BARE, oldest_go=GO, needs_go=True) == []
    assert find_problems(dataclasses.replace(EQUIPPED, go=None), oldest_go=GO, needs_go=False) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"go": None}, "go is not on PATH"),
        ({"go": (1, 19, 8)}, "go is 1.19.8 · 1.25.11 or newer"),
        ({"lacks_ensurepip": True, "is_systems_python": False}, "cannot make virtual environments"),
        ({"has_apt": False}, "missing: podman haproxy · this is no Debian"),
        ({"is_root": False}, "missing Debian packages: podman haproxy · only root may install them"),
    ],
)
def test_a_missing_prerequisite_is_one_clear_line(change: dict[str, object], said: str) -> None:
    machine = dataclasses.replace(BARE, **change)  # type: ignore[arg-type]

    (problem,) = find_problems(machine, oldest_go=GO, needs_go=True)

    assert said in problem
    assert "\n" not in problem


def test_every_problem_is_told_at_once() -> None:
    machine = dataclasses.replace(BARE, go=None, is_root=False)

    assert len(find_problems(machine, oldest_go=GO, needs_go=True)) == 2


def test_finds_a_good_tool_on_path_but_not_its_own_or_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, old, good = tmp_path / "cache", tmp_path / "old", tmp_path / "good"
    executable(own / "packer-1/packer", "echo Packer v1.15.0")
    executable(old / "packer", "echo Packer v1.7.0")
    executable(good / "packer", "echo Packer v1.14.1")
    versions = ((1, 11), (2,))

    monkeypatch.setenv("PATH", f"{own}/packer-1:{good}")
    assert find_good("packer", own, versions) == good / "packer"
    monkeypatch.setenv("PATH", f"{own}/packer-1:{old}")
    assert find_good("packer", own, versions) is None
    monkeypatch.setenv("PATH", str(own / "packer-1"))
    assert find_good("packer", own, versions) is None


def test_knows_the_amazon_plugin_in_packers_listing() -> None:
    folder = "/root/.config/packer/plugins/github.com"

    assert lists_good_amazon_plugin(
        f"{folder}/hashicorp/amazon/packer-plugin-amazon_v1.8.0_x5.0_linux_amd64\n"
    )
    assert not lists_good_amazon_plugin(
        f"{folder}/hashicorp/amazon/packer-plugin-amazon_v1.2.0_x5.0_linux_amd64\n"
    )
    assert not lists_good_amazon_plugin(
        f"{folder}/hashicorp/docker/packer-plugin-docker_v1.9.0_x5.0_linux_amd64\n"
    )
    assert not lists_good_amazon_plugin("")


def test_only_missing_packages_are_installed() -> None:
    missing = debian.missing_packages(
        lacks_ensurepip=True, is_there=lambda package: package.name != "haproxy"
    )

    assert missing == ("haproxy", "python3-venv")


def test_a_browser_is_installed_for_the_tests_alone() -> None:
    of_a_run = debian.missing_packages(lacks_ensurepip=False, is_there=lambda _: False)
    of_tests = debian.missing_packages(lacks_ensurepip=False, for_tests=True, is_there=lambda _: False)

    assert "chromium" not in of_a_run
    assert of_tests == (*of_a_run, "chromium", "chromium-driver")


def test_apt_asks_nothing_and_is_run_by_sudo_where_needed() -> None:
    commands = debian.apt_commands(["podman"], ("sudo", "-n"))

    assert all(command[:4] == ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"] for command in commands)
    assert commands[-1][-3:] == ["install", "--no-install-recommends", "podman"]
