"""A project of a test's own, on the real engine with this checkout's language host."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools.local_environment import join_path, place_plugin_stand_ins, pulumi_environment, pulumi_home
from tools.toolchain import ROOT, read_toolchain

SDK_SCRIPTS = ("pulumi-language-python-exec", "pulumi-resource-pulumi-python")


@dataclass(frozen=True, kw_only=True)
class Project:
    """A Pulumi project in a folder, with the environment that pulumi is run in."""

    folder: Path
    environment: dict[str, str]

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pulumi and return what it printed, both streams together."""
        return subprocess.run(
            ["pulumi", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def start_pulumi(self, *arguments: str) -> subprocess.Popen[str]:
        """Start pulumi as a shell would: in a process group of its own."""
        return subprocess.Popen(
            ["pulumi", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources in the stack's state, without the stack itself and its providers."""
        state = json.loads(self.pulumi("stack", "export").stdout)
        resources = state["deployment"].get("resources") or []
        return [resource for resource in resources if not resource["type"].startswith("pulumi:")]

    def processes(self) -> list[psutil.Process]:
        """Return the processes that run in this project's folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == str(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found


def copy_language_host(folder: Path, path: str) -> Path:
    """Make *folder* a language host, on a machine whose official one the set-up prefers to it."""
    folder.mkdir()
    for script in SDK_SCRIPTS:
        found = shutil.which(script, path=path)
        assert found is not None
        shutil.copy(found, folder)
    sources = ROOT / "tools" / "language_host"
    shutil.copy(sources / "pulumi-language-python", folder)
    shutil.copytree(sources, folder / sources.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Make a project from the text of its __main__.py, with a stack `t`."""
    toolchain = read_toolchain()
    path = join_path(toolchain.path, os.environ["PATH"], [])
    own_hosts = [folder for folder in toolchain.path if Path(folder, "language_host").is_dir()]
    host = own_hosts[0] if own_hosts else str(copy_language_host(tmp_path / "host", path))
    backend = tmp_path / "state"
    place_plugin_stand_ins(pulumi_home(backend), (ROOT / "requirements.txt").read_text())
    made: list[Project] = []

    def make(program: str, *, options: str = "{}", **files: str) -> Project:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(
            f"name: hello\nruntime:\n  name: python\n  options: {options}\n",
        )
        (folder / "__main__.py").write_text(program)
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        environment = {
            **os.environ,
            **pulumi_environment(backend, uses_real_plugins=False),
            "PATH": join_path([host], path, []),
            "PYTHONPATH": "",
        }
        project = Project(folder=folder, environment=environment)
        made.append(project)
        initialised = project.pulumi("stack", "init", "t")
        assert initialised.returncode == 0, initialised.stdout
        return project

    yield make
    for project in made:
        for process in project.processes():
            process.kill()
