"""What the end of a verification means for the image, and the line that says so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_builder.building.packer import Ended, failure_message, succeeded
from image_builder.building.run_folder import RunFolder
from image_builder.checks.report import Check, Outcome, Report
from image_builder.registry.numbered_tags import CHARACTERS_PER_TAG
from image_builder.wording import shortened

_LONGEST_OUTPUT = 1000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is to be done with the image."""

    passed: int = 0
    """How many checks it passed; when there is no problem."""
    problem: str = ""
    """Why it is not verified, as one line."""
    rejection: str = ""
    """Why it must never be used, as the value of a tag: no output of a check, which may hold anything."""


def judge(ended: Ended, report: Report | None, *, ami_id: str, run: RunFolder, minutes: float) -> Verdict:
    """The verdict on *ami_id* after *run*, in which Packer *ended* so and the checks wrote *report*."""
    failed = report.of(Outcome.FAILED) if report else []
    undecided = report.of(Outcome.UNDECIDED) if report else []
    if report and failed:
        return Verdict(
            problem=f"{ami_id} failed {_count(failed, report)}: {_told(failed)} · it is marked Rejected and "
            f"never used, the next up builds anew: mend the image, or the check · full log: {run.log}",
            rejection=f"failed checks: {', '.join(_short(check) for check in failed)}"[:CHARACTERS_PER_TAG],
        )
    again = "the image is kept, and the next up verifies it again"
    if report and undecided:
        return Verdict(
            problem=f"{ami_id} could not be verified, {_count(undecided, report)} could not look at it: "
            f"{_told(undecided)} · {again} · full log: {run.log}"
        )
    if not succeeded(ended):
        return Verdict(
            problem=f"{ami_id} could not be verified: {again} · "
            + failure_message(ended, run=run, minutes=minutes)
        )
    if report is None or not report.has_passed:
        return Verdict(
            problem=f"{ami_id} could not be verified, no check was run · {again} · full log: {run.log}"
        )
    return Verdict(passed=len(report.of(Outcome.PASSED)))


def _count(some: Sequence[Check], report: Report) -> str:
    return f"{len(some)} of {len(report.checks)} checks"


def _told(checks: Sequence[Check]) -> str:
    """The first of *checks* with its words, and the names of the others."""
    first, *others = checks
    output = " | ".join(first.output)[:_LONGEST_OUTPUT] or "no words"
    also = f" · also {shortened([_short(check) for check in others])}" if others else ""
    return f"{first.name}: {output}{also}"


def _short(check: Check) -> str:
    return check.name.rpartition("::")[2] or check.name
