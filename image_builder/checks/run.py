"""Runs the checks of an image, with pytest, on the machine that Packer has booted from it.

Packer starts this as a process (verification.py): `python -m image_builder.checks.run RUN_FOLDER …`. The exit
code is pytest's; what counts is the report in the run's folder, which is written when all checks have ended.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

import paramiko
import pytest
import testinfra
from testinfra.host import Host

from image_builder.checks.image import Image
from image_builder.checks.report import FACTS, REPORT, Check, Outcome, Report, write_report

HYGIENE = Path(__file__).with_name("hygiene")
_KEPT_OF_THE_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "PYTHONPATH")
_CONNECT_SECONDS = 30
_BOOT_SECONDS = 300
_MOST_LINES = 8
# What says nothing about the image: the machine, or the network to it, did not answer.
_UNDECIDED = (OSError, EOFError, paramiko.SSHException)


def main() -> int:
    """Run the checks; pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="the run's folder")
    parser.add_argument(
        "checks", type=Path, help="the folder with the image's own checks; it need not be there"
    )
    parser.add_argument("--key", type=Path, required=True, help="the file with the login; it is removed")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    options = parser.parse_args()

    key = options.key
    forget_environment(options.folder)
    try:
        machine = Machine(
            image=read_image(options.folder / FACTS, key),
            login=f"paramiko://{options.user}@{_bracketed(options.host)}:{options.port}",
            key=key,
        )
        return run_checks(machine, [HYGIENE, options.checks], options.folder / REPORT)
    finally:
        key.unlink(missing_ok=True)


def forget_environment(home: Path) -> None:
    """Keep from checks, and from what they print, the credentials of the build and this user's SSH set-up."""
    kept = {name: os.environ[name] for name in _KEPT_OF_THE_ENVIRONMENT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, HOME=str(home), PYTHONDONTWRITEBYTECODE="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    sys.dont_write_bytecode = True


def read_image(facts: Path, key: Path) -> Image:
    """What is known of the image, with the public half of *key*."""
    public = paramiko.PKey.from_path(key)
    return Image(**json.loads(facts.read_text()), login_key=f"{public.get_name()} {public.get_base64()}")


class Machine:
    """The fixtures of checks: `image` and `host`."""

    def __init__(self, *, image: Image, login: str, key: Path) -> None:
        self._image = image
        self._login = login
        self._key = key

    @pytest.fixture(scope="session")
    def image(self) -> Image:
        """The image that is checked."""
        return self._image

    @pytest.fixture(scope="session")
    def host(self) -> Host:
        """The machine that was booted from it, as root, when it has come up."""
        host = testinfra.get_host(
            self._login, sudo=True, ssh_identity_file=str(self._key), timeout=_CONNECT_SECONDS
        )
        whoami = host.run("id -u")
        if whoami.stdout.strip() != "0":
            raise PermissionError(f"the login may not use sudo, which checks need: {whoami.stderr.strip()}")
        if host.exists("systemctl"):
            # Until everything that starts at boot has, or has failed; which of the two, checks say.
            host.run(f"timeout {_BOOT_SECONDS} systemctl is-system-running --wait")
        return host


class Reporter:
    """Collects how each check ended, and prints a line of each."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    @property
    def report(self) -> Report:
        """All of them."""
        return Report(checks=tuple(self._checks.values()))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """One of the three phases of a check has ended."""
        report = yield
        name = f"{item.path.name}::{item.name}"
        self._note(name, _outcome(report, call), report.longreprtext)
        if report.when == "teardown":
            print(f"{self._checks[name].outcome}: {name}", flush=True)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file of checks was read."""
        if report.failed:
            self._note(Path(report.nodeid).name or "checks", Outcome.UNDECIDED, report.longreprtext)

    def _note(self, name: str, outcome: Outcome, text: str) -> None:
        before = self._checks.get(name)
        # Of its three phases the first that went wrong tells.
        if before is None or (
            before.outcome in (Outcome.PASSED, Outcome.SKIPPED) and outcome != Outcome.PASSED
        ):
            output = () if outcome is Outcome.PASSED else tuple(last_words(text))
            if output and outcome is not Outcome.SKIPPED:
                print(f"{name}\n{text}", flush=True)
            self._checks[name] = Check(name=name, outcome=outcome, output=output)


def _outcome(report: pytest.TestReport, call: pytest.CallInfo[None]) -> Outcome:
    if report.passed:
        return Outcome.PASSED
    if report.skipped:
        return Outcome.SKIPPED
    # Set-up and tear-down are ours, or the check's own: only a check's body is about the image.
    if call.when != "call" or (call.excinfo is not None and isinstance(call.excinfo.value, _UNDECIDED)):
        return Outcome.UNDECIDED
    return Outcome.FAILED


def last_words(text: str) -> list[str]:
    """Of pytest's account of a failure what it found, without the source around it."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = [line[1:].strip() for line in lines if line.startswith("E ")]
    return list(filter(None, found or map(str.strip, lines)))[:_MOST_LINES]


def run_checks(machine: object, folders: list[Path], report: Path) -> int:
    """Run all checks in *folders* with the fixtures of *machine*, print them, and write the *report*."""
    reporter = Reporter()
    options = ["-p", "no:terminal", "-p", "no:cacheprovider", "--import-mode=importlib"]
    options += [f"--config-file={os.devnull}", f"--rootdir={report.parent}"]
    # What differs is to be read here and now: nobody can run it again with -vv.
    options += ["--override-ini=verbosity_assertions=2"]
    # testinfra warns that the host key is not known, which is that of a machine a minute old.
    options += ["-W", "ignore:Unknown:UserWarning"]
    began = time.monotonic()
    there = [str(folder) for folder in folders if folder.is_dir()]
    code = int(pytest.main([*options, *there], plugins=[machine, reporter]))
    if code != pytest.ExitCode.INTERRUPTED or reporter.report.of(Outcome.UNDECIDED):
        write_report(reporter.report, report)
    print(f"{len(reporter.report.checks)} checks in {time.monotonic() - began:.1f} s", flush=True)
    return code


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


if __name__ == "__main__":
    sys.exit(main())
