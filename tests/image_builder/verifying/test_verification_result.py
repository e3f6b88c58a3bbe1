"""What the end of a verification means for the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_builder.building.packer import Ended
from image_builder.building.progress import Failure
from image_builder.building.run_folder import RunFolder
from image_builder.checks.report import Check, Outcome, Report
from image_builder.verifying.verification_result import Verdict, judge

AMI = "ami-0123456789abcdef0"
RUN = RunFolder(run_id="20260101T000000-00000000", path=Path("/runs/1"), lock=-1)


def ended(exit_code: int = 0, *, is_late: bool = False, cause: str = "") -> Ended:
    return Ended(
        command="build",
        exit_code=exit_code,
        is_late=is_late,
        is_hopeless="",
        was_killed=False,
        failure=Failure(provisioner="", exit_code=None, cause=cause, last_lines=()),
    )


def report(**outcomes: Outcome) -> Report:
    return Report(
        checks=tuple(
            Check(name=f"test_it.py::{name}", outcome=outcome, output=("no cheese", "but milk"))
            for name, outcome in outcomes.items()
        )
    )


def judged(ended: Ended, report: Report | None) -> Verdict:
    return judge(ended, report, ami_id=AMI, run=RUN, minutes=60)


def test_an_image_whose_checks_passed_is_verified_whatever_did_not_apply() -> None:
    verdict = judged(ended(), report(a=Outcome.PASSED, b=Outcome.SKIPPED, c=Outcome.PASSED))

    assert verdict == Verdict(passed=2)


def test_a_failed_check_is_named_with_its_words_and_rejects_the_image() -> None:
    verdict = judged(ended(1), report(a=Outcome.PASSED, b=Outcome.FAILED, c=Outcome.FAILED))

    assert verdict.problem == (
        f"{AMI} failed 2 of 3 checks: test_it.py::b: no cheese | but milk · also c · it is marked Rejected "
        "and never used, the next up builds anew: mend the image, or the check · full log: /runs/1/packer.log"
    )
    assert verdict.rejection == "failed checks: b, c"


def test_no_word_of_a_check_and_no_more_than_a_tag_holds_is_in_the_rejection() -> None:
    outcomes = {f"test_number_{number}": Outcome.FAILED for number in range(50)}

    verdict = judged(ended(1), report(**outcomes))

    assert len(verdict.rejection) <= 256
    assert "cheese" not in verdict.rejection


@pytest.mark.parametrize(
    ("end", "checks", "words"),
    [
        (
            ended(1),
            report(a=Outcome.UNDECIDED),
            "1 of 1 checks could not look at it: test_it.py::a: no cheese",
        ),
        (ended(1, cause="no capacity"), None, "packer build exited 1: no capacity"),
        (ended(1, is_late=True), None, "packer build was stopped after 60 min"),
        (ended(0), None, "no check was run"),
        (ended(0), report(a=Outcome.SKIPPED), "no check was run"),
        (ended(1, cause="not terminated"), report(a=Outcome.PASSED), "packer build exited 1: not terminated"),
    ],
)
def test_a_verification_that_told_nothing_fails_and_keeps_the_image(
    end: Ended, checks: Report | None, words: str
) -> None:
    verdict = judged(end, checks)

    assert verdict.rejection == ""
    assert verdict.problem.startswith(f"{AMI} could not be verified")
    assert words in verdict.problem
    assert "the image is kept, and the next up verifies it again" in verdict.problem
    assert "full log: /runs/1/packer.log" in verdict.problem
