"""What every test may count on: the tools that the set-up chose are found first, and Ctrl-C works."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

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
    # How long an example takes to draw or to run says something of the machine's other work only.
    settings.register_profile("on any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("on any machine")


LONGEST_FIRST = ("tests/faults/", "tests/end_to_end/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no core is idle at the end, and share what is dear to make.

    A file's tests run in one process, as do all that share the deployed stack, whatever their files.
    """
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in LONGEST_FIRST])
    for item in items:
        is_sharing = "deployed" in getattr(item, "fixturenames", ())
        item.add_marker(
            pytest.mark.xdist_group("the deployed stack" if is_sharing else item.nodeid.split("::")[0])
        )
