"""How the checks of an image ended, as the run that made them writes it down for who asked for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

FACTS, REPORT = "image.json", "checks.json"
"""In the folder of a run: what the checks are told of the image, and how they ended."""


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"
    """The image is not as it should be."""
    UNDECIDED = "undecided"
    """It could not be looked at: the machine did not answer, or the check itself is broken."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    name: str
    """`test_web_app.py::test_the_service_answers`"""
    outcome: Outcome
    output: tuple[str, ...] = ()
    """Why it did not pass."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All checks of one run."""

    checks: tuple[Check, ...]

    @property
    def has_passed(self) -> bool:
        """Whether nothing speaks against the image, and something for it."""
        outcomes = {check.outcome for check in self.checks}
        return Outcome.PASSED in outcomes and outcomes <= {Outcome.PASSED, Outcome.SKIPPED}

    def of(self, outcome: Outcome) -> list[Check]:
        """The checks that ended so."""
        return [check for check in self.checks if check.outcome == outcome]


def write_report(report: Report, path: Path) -> None:
    """Write *report*, whole or not at all."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(asdict(report), indent=2), encoding="utf-8")
    temporary.replace(path)


def read_report(path: Path) -> Report | None:
    """The report in *path*; None when the checks were not run to their end."""
    try:
        return Report(checks=tuple(_check(item) for item in json.loads(path.read_text())["checks"]))
    except FileNotFoundError:
        return None


def _check(item: Mapping[str, Any]) -> Check:
    return Check(name=item["name"], outcome=Outcome(item["outcome"]), output=tuple(item["output"]))
