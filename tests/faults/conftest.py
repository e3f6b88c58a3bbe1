"""What the tests under faults tell at the end of the run, beside passed and failed."""

from __future__ import annotations

import pytest

UNDER_LOAD = "under load"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each story under load cost, also where the stories ran in another process."""
    lines = [
        line
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, line in report.user_properties
        if name == UNDER_LOAD
    ]
    if lines:
        terminalreporter.section(UNDER_LOAD)
        terminalreporter.write("".join(f"{line}\n" for line in lines))
