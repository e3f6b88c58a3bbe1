"""Promises of the pure parts of tools/language_host."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.language_host.interpreter import Interpreter, InterpreterError, choose_interpreter
from tools.language_host.packages import (
    InstalledPackage,
    RequiredPlugin,
    find_installed_packages,
    find_required_plugins,
)
from tools.language_host.program import program_arguments, program_environment, read_exit_status


@dataclass(frozen=True, kw_only=True)
class Request:
    monitor_address: str = "127.0.0.1:1"
    project: str = "web"
    stack: str = "local"
    organization: str = "organization"
    pwd: str = "/work"
    program: str = "."
    args: list[str] = field(default_factory=list)
    dryRun: bool = True  # noqa: N815 (the protocol's name)
    parallel: int = 8
    config: dict[str, str] = field(default_factory=dict)
    configSecretKeys: list[str] = field(default_factory=list)  # noqa: N815 (the protocol's name)


def test_the_executor_is_told_what_the_engine_asked_for() -> None:
    arguments = program_arguments(Request(), "127.0.0.1:2", "/work", ".", "")

    assert arguments == [
        *("--monitor", "127.0.0.1:1", "--engine", "127.0.0.1:2", "--project", "web"),
        *("--root_directory", "/work", "--stack", "local", "--pwd", "/work", "--dry_run", "true"),
        *("--parallel", "8", "--organization", "organization", "."),
    ]


def test_the_configuration_and_its_secrets_reach_the_program_in_its_environment() -> None:
    request = Request(config={"web:a": "1"}, configSecretKeys=["web:a"])

    environment = program_environment(request, {"HOME": "/root"})

    assert environment["HOME"] == "/root"
    assert json.loads(environment["PULUMI_CONFIG"]) == {"web:a": "1"}
    assert json.loads(environment["PULUMI_CONFIG_SECRET_KEYS"]) == ["web:a"]


@pytest.mark.parametrize(
    ("status", "error", "bail"),
    [
        (0, "", False),
        (32, "", True),
        (3, "Program exited with non-zero exit code: 3", False),
        (-9, "Program was ended by signal 9", False),
    ],
)
def test_an_exit_status_is_told_as_the_official_host_tells_it(status: int, error: str, bail: bool) -> None:
    result = read_exit_status(status)

    assert (result.error, result.bail) == (error, bail)


def test_without_an_option_the_hosts_own_python_runs_the_program(tmp_path: Path) -> None:
    assert choose_interpreter(str(tmp_path), {}) == Interpreter(executable=sys.executable)


def test_the_virtualenv_option_is_honoured_and_activated(tmp_path: Path) -> None:
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").touch()

    interpreter = choose_interpreter(str(tmp_path), {"virtualenv": "env"})
    environment = interpreter.environment({"PATH": "/usr/bin", "PYTHONHOME": "/x"})

    assert interpreter.executable == str(tmp_path / "env/bin/python")
    assert environment == {"PATH": f"{tmp_path}/env/bin:/usr/bin", "VIRTUAL_ENV": f"{tmp_path}/env"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"virtualenv": "nowhere"}, "'nowhere'.*make setup"),
        ({"toolchain": "poetry", "virtualenv": "env"}, "'poetry'.*pip only"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_named(
    tmp_path: Path, options: dict[str, str], said: str
) -> None:
    with pytest.raises(InterpreterError, match=said):
        choose_interpreter(str(tmp_path), options)


def test_finds_the_plugins_that_installed_packages_name(tmp_path: Path) -> None:
    for package, description in {
        "pulumi_command": {"resource": True, "name": "command", "version": "1.2.1"},
        "pulumi_aws": {"resource": True, "name": "aws", "version": "v7.51.1", "server": "https://x"},
        "pulumi_policy": {"resource": False},
    }.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "pulumi-plugin.json").write_text(json.dumps(description))

    assert find_required_plugins([tmp_path]) == [
        RequiredPlugin(name="aws", version="v7.51.1", server="https://x"),
        RequiredPlugin(name="command", version="v1.2.1", server=""),
    ]


def test_lists_the_installed_packages(tmp_path: Path) -> None:
    (tmp_path / "pulumi_aws-7.51.1.dist-info").mkdir()

    assert find_installed_packages([tmp_path]) == [InstalledPackage(name="pulumi_aws", version="7.51.1")]
