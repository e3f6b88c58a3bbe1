"""What Packer prints, made readable while it runs and when it failed. Pure: lines in, lines out.

Packer 1.15 prefixes everything of a build with `==> amazon-ebs.web: `, its own steps and what a provisioner
prints alike; so nothing but the rate tells a step from a flood of `apt` output, and the rate is what is
limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BUILD_LINE = re.compile(r"(?:==> |    )(?P<source>[\w.-]+)(?: \([\w.-]+\))?: (?P<text>.*)")
_BUILD_ERROR = re.compile(r"Build '[^']+' errored after .*?: (?P<cause>.*)")
_EXIT_STATUS = re.compile(r"(?:exit status|exit code|exit_status)[ :]+(?P<code>\d+)", re.IGNORECASE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_PROVISIONERS = (
    (re.compile(r"Provisioning with shell script: .*"), "shell"),
    (re.compile(r"Running local shell script: .*"), "shell-local"),
    (re.compile(r"(?:Provisioning with Ansible|Executing Ansible).*"), "ansible"),
    (re.compile(r"(?:Uploading|Downloading) .* => .*"), "file"),
    (re.compile(r"Provisioning with (?P<kind>[\w-]+).*", re.IGNORECASE), ""),
)
_PROVISIONERS_FAILED = "Provisioning step had errors"
_NOISE = ("Wait completed after", "Some builds didn't complete", "Builds finished but no artifacts")
_NOT_SHOWN = ("Adding tag: ", "Skipping Enable ", "No volumes to clean up", "Tagging snapshot: ")
_MOST_LAST_LINES = 8
_LONGEST_LINE = 300


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Where and why Packer failed."""

    provisioner: str
    """`shell`, or nothing when no provisioner failed."""
    exit_code: int | None
    """That of the provisioner's script."""
    cause: str
    last_lines: tuple[str, ...]


def readable(line: str) -> str:
    """*line* without colours and control characters."""
    return _CONTROLS.sub("", _COLOURS.sub("", line)).rstrip()


def step_of(line: str) -> str:
    """What *line* says of the build, without its prefix; nothing for a line that is not about it."""
    match = _BUILD_LINE.fullmatch(readable(line))
    return match["text"].strip()[:_LONGEST_LINE] if match else ""


def is_shown(step: str) -> bool:
    """Whether a person who watches wants to read *step*; the log has them all."""
    return bool(step) and not step.startswith(_NOT_SHOWN)


def read_source_ami(log: str) -> str:
    """What amazon-ebs said in its *log* that it began with."""
    for line in log.splitlines():
        _, found, ami_id = line.partition("Found Image ID: ")
        if found:
            return ami_id.strip()
    return ""


def read_failure(lines: Iterable[str]) -> Failure:
    """Where and why the run failed that printed *lines*."""
    steps: list[str] = []
    others: list[str] = []
    causes: list[str] = []
    provisioner = ""
    has_failed = False
    for line in map(readable, lines):
        error = _BUILD_ERROR.match(line)
        if error:
            causes = [error["cause"]]
        elif causes and line.startswith("* "):  # "1 error(s) occurred:", and then each
            causes = [cause for cause in causes if not cause.endswith("occurred:")]
            causes += [line] if line not in causes else []
        elif (step := step_of(line)).startswith(_PROVISIONERS_FAILED):
            has_failed = True
        elif step and not has_failed:
            # What follows is the clean-up; the last words before it are what the user needs.
            steps.append(step)
            provisioner = _provisioner_of(step) or provisioner
        elif not step and line.strip(" =>-") and not any(noise in line for noise in _NOISE):
            others.append(line.strip())
    cause = "; ".join(cause.removeprefix("* ") for cause in causes)
    exit_status = _EXIT_STATUS.search(cause)
    return Failure(
        provisioner=provisioner if has_failed else "",
        exit_code=int(exit_status["code"]) if exit_status else None,
        cause=cause,
        last_lines=tuple((steps if steps and cause else others)[-_MOST_LAST_LINES:]),
    )


def _provisioner_of(step: str) -> str:
    for pattern, name in _PROVISIONERS:
        match = pattern.fullmatch(step)
        if match:
            return name or match["kind"].lower()
    return ""


class Throttle:
    """Decides what is shown: all of a quiet build; of a flood a line every few seconds and a number."""

    def __init__(self, *, burst: int = 30, seconds_per_line: float = 3.0) -> None:
        self._burst = burst
        self._seconds_per_line = seconds_per_line
        self._credit = float(burst)
        self._last = 0.0
        self._left_out = 0

    def admit(self, line: str, at_seconds: float) -> str:
        """*line* as it is shown at that time of the run; nothing when it is left out."""
        self._credit = min(self._burst, self._credit + (at_seconds - self._last) / self._seconds_per_line)
        self._last = at_seconds
        if self._credit < 1:
            self._left_out += 1
            return ""
        self._credit -= 1
        left_out, self._left_out = self._left_out, 0
        return f"{line} (and {left_out} lines before it, in the log)" if left_out else line


def elapsed(seconds: float) -> str:
    """`3:05`"""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
