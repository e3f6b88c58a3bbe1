"""What every test may count on: the tools that the set-up chose are found first, and Ctrl-C works."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tools.local_environment import tool_environment
from tools.toolchain import read_toolchain


def pytest_configure() -> None:
    """Prepare this process for all that it starts.

    A shell starts what runs in the background with SIGINT ignored, and children inherit that; with a handler
    here they begin with the default (execve(2)).
    """
    os.environ.update(tool_environment(read_toolchain(), os.environ.get("PATH", "")))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes to draw or to run says something of the machine's other work only. The same
    # commit has the same examples wherever it is tested.
    settings.register_profile(
        "on any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
    )
    settings.load_profile("on any machine")


LONGEST_FIRST = ("tests/faults/", "tests/end_to_end/")
DEPLOYED = {"deployed", "deployed_tiny"}
DEPLOYED_STACKS = {
    f"tests/end_to_end/test_{name}.py": stack
    for stack, names in enumerate(
        [
            ("everyday", "failures"),
            ("alarms", "credentials", "cut_off_builds", "lost_machine", "rollouts", "stacks"),
        ]
    )
    for name in names
}
"""The files whose stories share a deployed stack, and which one: each of the two has a process of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no core is idle at the end."""
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in LONGEST_FIRST])
    for item in items:
        is_sharing = not DEPLOYED.isdisjoint(getattr(item, "fixturenames", ()))
        if is_sharing != (_file_of(item.nodeid) in DEPLOYED_STACKS):
            raise pytest.UsageError(
                f"{item.nodeid}: DEPLOYED_STACKS in {__file__} has not the files that share one"
            )


class ByFileAndStack(LoadFileScheduling):  # type: ignore[misc]
    """Runs a file's tests in one process, and all stories of a deployed stack in one."""

    def _split_scope(self, nodeid: str) -> str:
        file = _file_of(nodeid)
        return f"deployed stack {DEPLOYED_STACKS[file]}" if file in DEPLOYED_STACKS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndStack:
    """pytest-xdist's own way to another order (its documentation, "Known hooks")."""
    return ByFileAndStack(config, log)


def _file_of(nodeid: str) -> str:
    return nodeid.split("::")[0]
