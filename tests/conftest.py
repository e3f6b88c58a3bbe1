"""What every test may count on: the tools that the set-up chose are found first."""

from __future__ import annotations

import os

from tools.local_environment import tool_environment
from tools.toolchain import read_toolchain


def pytest_configure() -> None:
    """Put them on PATH, for this process and all that it starts."""
    os.environ.update(tool_environment(read_toolchain(), os.environ.get("PATH", "")))
