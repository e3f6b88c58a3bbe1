"""Promises of tools/local_environment.py and tools/toolchain.py."""

import os
import subprocess
from pathlib import Path

import pytest

from local_aws.environment import UNSET
from local_aws.home import Home
from tools import local_environment as module
from tools.local_environment import (
    join_path,
    local_environment,
    real_variables,
    shell_lines,
    tool_environment,
)
from tools.toolchain import ROOT, Toolchain, ToolchainError, read_toolchain, write_toolchain

TOOLCHAIN = Toolchain(path=("/cache/venv/bin", "/cache/pulumi"), packer_plugin_path="/cache/plugins")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(module, "read_toolchain", lambda: TOOLCHAIN)
    return Home(
        folder=tmp_path / "aws",
        name="local-aws-00000000",
        api_port=4999,
        network="127.0.9",
        load_balancer_address="127.0.9.1",
        generation="1",
        machine_ports=(2222, 8080),
    )


def test_every_folder_is_on_path_once_and_ours_come_first() -> None:
    assert (
        join_path(["/a", "/b"], "/usr/bin:/a::/sbin", ["/usr/sbin", "/sbin"])
        == "/a:/b:/usr/bin:/sbin:/usr/sbin"
    )


def test_preparing_a_prepared_shell_changes_nothing() -> None:
    once = tool_environment(TOOLCHAIN, "/usr/bin:/bin")["PATH"]

    assert tool_environment(TOOLCHAIN, once)["PATH"] == once


def test_a_real_account_is_given_where_the_tools_are_and_nothing_of_a_local_run() -> None:
    variables = real_variables(TOOLCHAIN, "/usr/bin")

    assert variables["PATH"].startswith("/cache/venv/bin:/cache/pulumi:/usr/bin")
    assert variables["PACKER_PLUGIN_PATH"] == "/cache/plugins"
    assert len(variables) == 2
    assert real_variables(Toolchain(path=("/cache/pulumi",)), "/usr/bin").keys() == {"PATH"}


def test_make_prints_where_the_tools_are_for_a_shell() -> None:
    printed = subprocess.run(
        ["make", "--silent", "tool-env"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    script = (
        f"unset PACKER_PLUGIN_PATH; {printed}\nfor tool in pulumi packer python; do command -v $tool; done"
    )
    found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert len(found.splitlines()) == 3
    assert {line.split("=")[0] for line in printed.splitlines()} <= {
        "export PATH",
        "export PACKER_PLUGIN_PATH",
    }


def test_a_local_run_has_its_own_state_plugins_and_account(home: Home, tmp_path: Path) -> None:
    environment = local_environment(
        home=home,
        backend=tmp_path / "state",
        base={"PATH": "/usr/bin", **dict.fromkeys(UNSET, "x"), "LANG": "C"},
    )

    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4999"
    assert environment["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state?metadata=skip"
    assert environment["PACKER_PLUGIN_PATH"] == "/cache/plugins"
    assert environment["LANG"] == "C"
    assert "AWS_ENDPOINT_URL_EC2" in UNSET
    assert not {*UNSET} & environment.keys()
    assert "PULUMI_STACK" not in environment


def test_the_stand_ins_are_where_the_engine_keeps_plugins(home: Home, tmp_path: Path) -> None:
    for _twice in range(2):
        environment = local_environment(home=home, backend=tmp_path / "state", base={})

    plugins = sorted(Path(environment["PULUMI_HOME"]).glob("plugins/resource-*-v*/pulumi-resource-*"))
    assert [plugin.name for plugin in plugins] == ["pulumi-resource-aws", "pulumi-resource-command"]
    assert plugins[1].resolve(strict=True) == module.PLUGIN_STAND_INS / "pulumi-resource-command"


def test_the_real_plugins_are_used_when_asked_for(home: Home, tmp_path: Path) -> None:
    environment = local_environment(home=home, backend=tmp_path / "state", base={"AWS_PLUGIN": "real"})

    assert "PULUMI_HOME" not in environment
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in environment


def test_says_what_to_do_where_there_is_no_local_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCAL_AWS_HOME", tmp_path)

    with pytest.raises(ToolchainError, match="make up"):
        local_environment(backend=tmp_path, base={})


def test_a_shell_reads_the_lines_as_they_were_meant() -> None:
    value = 'it\'s $HOME; `id` "x"\n'
    script = 'eval "$(cat)"; printf %s "$TRICKY"; printf %s "${AWS_PROFILE-unset}"'
    lines = shell_lines({"TRICKY": value})

    done = subprocess.run(
        ["/bin/sh", "-c", script],
        input=lines,
        env={"AWS_PROFILE": "prod", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == value + "unset"


def test_the_toolchain_is_remembered_until_it_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "local" / "toolchain.json"
    (tmp_path / "bin").mkdir()
    toolchain = Toolchain(path=(str(tmp_path / "bin"),))

    with pytest.raises(ToolchainError, match="make setup"):
        read_toolchain(file)
    write_toolchain(toolchain, file)
    assert read_toolchain(file) == toolchain
    (tmp_path / "bin").rmdir()
    with pytest.raises(ToolchainError, match="make setup"):
        read_toolchain(file)
