"""Promises of the language host under the real engine."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from tests.tools.conftest import Project

MakeProject = Callable[..., Project]

DYNAMIC_PROVIDER = """
import os, time
from pathlib import Path
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class SlowProvider(ResourceProvider):
    def create(self, props):
        folder = Path(__file__).parent
        (folder / "creating").touch()
        while not (folder / "go-on").exists():
            time.sleep(0.02)
        return CreateResult(id_="made", outs={})

class Slow(Resource, module="slow", name="Slow"):
    def __init__(self, name):
        super().__init__(SlowProvider(), name, {})
"""


def test_an_empty_program_is_deployed(make_project: MakeProject) -> None:
    project = make_project("")

    done = project.pulumi("up", "--yes", "--skip-preview")

    assert done.returncode == 0, done.stdout
    assert "1 created" in done.stdout
    assert "using pulumi-resource-" not in done.stdout  # the engine's warning about plugins on PATH


def test_a_program_reads_its_configuration_and_its_exports_are_outputs(make_project: MakeProject) -> None:
    project = make_project(
        "import pulumi\n"
        "config = pulumi.Config()\n"
        "pulumi.export('plain', config.require('plain'))\n"
        "pulumi.export('secret', config.require_secret('secret'))\n"
        "pulumi.export('where', [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])\n"
    )
    project.pulumi("config", "set", "plain", "it's plain")
    project.pulumi("config", "set", "--secret", "secret", "hush")

    done = project.pulumi("up", "--yes", "--skip-preview")

    assert done.returncode == 0, done.stdout
    assert 'plain : "it\'s plain"' in done.stdout
    assert "secret: [secret]" in done.stdout
    assert "hush" not in done.stdout
    assert '"hello"' in done.stdout


def test_a_program_that_raises_fails_the_update_and_is_shown_once(make_project: MakeProject) -> None:
    project = make_project("def build():\n    raise ValueError('no such image')\n\nbuild()\n")

    done = project.pulumi("up", "--yes", "--skip-preview")

    assert done.returncode != 0
    assert "ValueError: no such image" in done.stdout
    assert "__main__.py" in done.stdout
    assert "non-zero exit code" not in done.stdout


def test_a_program_that_exits_by_itself_fails_with_its_exit_code(make_project: MakeProject) -> None:
    project = make_project("import os\nos._exit(7)\n")

    done = project.pulumi("preview")

    assert done.returncode != 0
    assert "Program exited with non-zero exit code: 7" in done.stdout


def test_a_run_error_is_shown_without_a_traceback(make_project: MakeProject) -> None:
    project = make_project("import pulumi\nraise pulumi.RunError('minSize is 3 but maxSize is 2')\n")

    done = project.pulumi("preview")

    assert done.returncode != 0
    assert "minSize is 3 but maxSize is 2" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_missing_virtual_environment_is_named(make_project: MakeProject) -> None:
    project = make_project("", options="{virtualenv: nowhere}")

    done = project.pulumi("preview")

    assert done.returncode != 0
    assert "virtualenv is 'nowhere'" in done.stdout


def test_about_and_the_list_of_dependencies_answer(make_project: MakeProject) -> None:
    project = make_project("")

    done = project.pulumi("about")

    assert done.returncode == 0, done.stdout
    assert "python" in done.stdout
    assert "pulumi_aws" in done.stdout


def test_the_first_interrupt_lets_create_return_and_keeps_what_it_made(make_project: MakeProject) -> None:
    project = make_project("import slow\nslow.Slow('a')\n", slow=DYNAMIC_PROVIDER)
    up = project.start_pulumi("up", "--yes", "--skip-preview")
    wait_until_creating(project)

    os.killpg(up.pid, signal.SIGINT)
    (project.folder / "go-on").touch()
    printed, _ = up.communicate(timeout=60)

    assert up.returncode != 0, printed
    assert [resource["id"] for resource in project.resources()] == ["made"]
    assert_nothing_runs(project)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_of_the_language_host_outlives_a_killed_engine(
    make_project: MakeProject, number: signal.Signals
) -> None:
    project = make_project(
        "import time\nfrom pathlib import Path\nPath('creating').touch()\ntime.sleep(300)\n",
    )
    up = project.start_pulumi("preview")
    wait_until_creating(project)

    up.send_signal(number)
    if number != signal.SIGKILL:
        up.send_signal(number)
    up.communicate(timeout=60)

    assert_nothing_runs(project)


def wait_until_creating(project: Project) -> None:
    deadline = time.monotonic() + 60
    while not (project.folder / "creating").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_nothing_runs(project: Project) -> None:
    _gone, alive = psutil.wait_procs(project.processes(), timeout=15)
    assert [process.cmdline() for process in alive] == []
