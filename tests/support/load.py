"""Load on a load balancer while a block runs, and a report on every request of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
END_TIMEOUT_SECONDS = 60
WINDOW_SECONDS = 5
NO_ANSWER = "no answer: the connection ended, the client tried again"
"""What became of a request that the client's library sent a second time."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One request, with times in seconds since the epoch; *failure* is empty when it was answered well."""

    path: str
    due: float
    sent: float
    answered: float
    status: int
    failure: str
    ami_id: str
    instance_id: str


@dataclass(frozen=True)
class LoadReport:
    """What became of every request, in the order in which they were due."""

    samples: Sequence[Sample]

    @property
    def total(self) -> int:
        """How many requests were sent."""
        return len(self.samples)

    @property
    def failed(self) -> list[Sample]:
        """The requests that got no good answer."""
        return [sample for sample in self.samples if sample.failure]

    @property
    def failed_by_kind(self) -> Counter[str]:
        """How many failed in which way: the status, or the kind of error where there was no answer."""
        return Counter(sample.failure for sample in self.failed)

    @property
    def answered_by_ami(self) -> Counter[str]:
        """How many good answers each AMI gave."""
        return Counter(sample.ami_id for sample in self.samples if not sample.failure)

    @property
    def requests_per_second(self) -> float:
        """The rate at which requests were really sent, over the whole time."""
        sent = sorted(sample.sent for sample in self.samples)
        return (len(sent) - 1) / (sent[-1] - sent[0]) if len(sent) > 1 and sent[-1] > sent[0] else 0.0

    @property
    def lowest_requests_per_second(self) -> float:
        """The lowest rate in any whole window of five seconds: a generator that fell behind shows here."""
        begin = min((sample.sent for sample in self.samples), default=0.0)
        windows = Counter(int((sample.sent - begin) // WINDOW_SECONDS) for sample in self.samples)
        whole = range(max(windows, default=0))
        return min((windows[number] / WINDOW_SECONDS for number in whole), default=0.0)

    @property
    def longest_delay_seconds(self) -> float:
        """How late the generator sent a request at most."""
        return max((sample.sent - sample.due for sample in self.samples), default=0.0)

    @property
    def longest_pause_seconds(self) -> float:
        """The longest time without a good answer."""
        answered = sorted(sample.answered for sample in self.samples if not sample.failure)
        return max((after - before for before, after in pairwise(answered)), default=0.0)

    @property
    def first_failed_at(self) -> float | None:
        """When the first request that failed was sent."""
        return min((sample.sent for sample in self.failed), default=None)

    @property
    def last_failed_at(self) -> float | None:
        """When the last request that failed was sent."""
        return max((sample.sent for sample in self.failed), default=None)

    def __str__(self) -> str:
        parts = [f"{self.total:,} requests at {self.requests_per_second:.0f}/s", self._describe_failures()]
        return ", ".join([*parts, f"longest pause {self.longest_pause_seconds:.2f} s"])

    def _describe_failures(self) -> str:
        first, last = self.first_failed_at, self.last_failed_at
        if first is None or last is None:
            return "0 failed"
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.failed_by_kind.most_common())
        return f"{len(self.failed):,} failed ({kinds}) within {last - first:.1f} s"


class Load:
    """Requests that are being sent."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self._output = output

    def report(self) -> LoadReport:
        """What became of the requests that have ended so far; of all, once the block has been left."""
        names = {field.name for field in fields(Sample)}
        lines = self._output.read_text(encoding="utf-8").splitlines(keepends=True)
        samples = [json.loads(line) for line in lines if line.endswith("\n")]
        assert all(set(sample) == names for sample in samples)
        return LoadReport(sorted((Sample(**sample) for sample in samples), key=lambda sample: sample.due))

    def wait_until(
        self, condition: Callable[[LoadReport], bool], what: str, timeout_seconds: float = 180
    ) -> None:
        """Return once the report so far fulfils *condition*; fail naming *what* when it does not in time."""
        deadline = time.monotonic() + timeout_seconds
        while not condition(self.report()):
            assert self._process.poll() is None, (
                f"the load generator ended with code {self._process.returncode}"
            )
            assert time.monotonic() < deadline, f"not within {timeout_seconds:.0f} s: {what}; {self.report()}"
            time.sleep(0.5)

    def wait_for_requests(self, count: int) -> None:
        """Return once *count* requests have ended."""
        self.wait_until(lambda report: report.total >= count, f"{count:,} requests")

    def end(self) -> None:
        """Send nothing more, and return when all that was sent has ended."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            code = self._process.wait(END_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        assert code == 0, f"the load generator ended with code {code}"


@contextlib.contextmanager
def load(
    url: str,
    folder: Path,
    *,
    requests_per_second: float,
    path: str = "/version",
    slow_path: str = "",
    slow_every: int = 0,
) -> Iterator[Load]:
    """Send *requests_per_second* to *url* while the block runs, by a process of its own.

    Answers are the web app's facts as JSON. Each *slow_every* requests one asks for *slow_path*.
    """
    output = folder / "requests.jsonl"
    output.touch()
    options = {
        "--requests-per-second": requests_per_second,
        "--path": path,
        "--slow-path": slow_path,
        "--slow-every": slow_every,
        "--output": output,
    }
    words = [str(word) for option in options.items() for word in option]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.load_generator", url, *words],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        sending = Load(process, output)
        sending.wait_until(lambda report: report.total > 0, "a first request")
        yield sending
        sending.end()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdin
        process.stdin.close()
