"""`pulumi up` of the deployed stack with nothing to change, against `pulumi up` of an empty program."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench.local_run import LocalRun, local_run
from bench.measure import Result, Way, compare

STACK = "local"
EMPTY_PROJECT = """\
name: empty
runtime:
  name: python
  options:
    virtualenv: .venv
"""


def run(rounds: int, say: Callable[[str], None]) -> Result:
    """Deploy both, then time updates that change nothing."""
    with local_run(say) as here:
        stack, empty = here.folder / "stack", here.folder / "empty"
        here.copy_program(stack)
        write_empty_program(here, empty)
        for folder in (stack, empty):
            here.must(["pulumi", "stack", "init", STACK], folder)
            began = time.perf_counter()
            here.must(["pulumi", "up", "--yes", "--stack", STACK], folder)
            say(f"first `pulumi up` of the {folder.name}: {time.perf_counter() - began:.1f} s")
        # Nothing is destroyed: it all ends with this local AWS.
        return compare(
            "`pulumi up` with nothing to change on a local AWS (preview and update)",
            Way(name="the stack", run=lambda _: time_update(here, stack)),
            Way(name="an empty Python program", run=lambda _: time_update(here, empty)),
            rounds,
            say,
        )


def write_empty_program(here: LocalRun, folder: Path) -> None:
    """A Python program for Pulumi that declares nothing."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(EMPTY_PROJECT)
    (folder / "__main__.py").write_text("")
    here.link_virtual_environment(folder)


def time_update(here: LocalRun, folder: Path) -> float:
    """The seconds of an update, which fails when it would change anything."""
    began = time.perf_counter()
    here.must(["pulumi", "up", "--yes", "--expect-no-changes", "--stack", STACK], folder)
    return time.perf_counter() - began
