"""Patience with AWS: throttling and outages are waited out, with back-off, and said."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from infra.rollout.aws_errors import AWS_ERRORS, AwsError, describe_error, is_transient

PATIENCE_SECONDS = 60.0
"""How long an outage is waited out where nothing says otherwise."""

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 10.0
SECONDS_BEFORE_SAID = 3.0
SECONDS_BETWEEN_LINES = 15.0

Answer = TypeVar("Answer")


@dataclass(kw_only=True)
class Patience:
    """Asks AWS again while it fails for reasons that pass: each time for *seconds*.

    Once *total_seconds* have gone by since it was made, whatever for, nothing is asked again.
    """

    seconds: float = PATIENCE_SECONDS
    total_seconds: float = math.inf
    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._failing_since: float | None = None
        self._said_at: float | None = None
        self._delay = FIRST_DELAY_SECONDS

    def ask(self, request: Callable[..., Answer], **parameters: object) -> Answer:
        """The answer to *request*; raises what does not pass, or lasts longer than there is time."""
        while True:
            try:
                answer = request(**parameters)
            except AWS_ERRORS as error:
                self.endure(error)
            else:
                self._recover()
                return answer

    def endure(self, error: AwsError) -> None:
        """Wait a moment because of *error*; raise it if it does not pass by itself, or time is up."""
        now = self.clock()
        if self._failing_since is None:
            self._failing_since = now
        lasts = now - self._failing_since
        is_over = lasts >= self.seconds or now - self._began >= self.total_seconds
        if is_over or not is_transient(error):
            self._forget()
            raise error
        if lasts >= SECONDS_BEFORE_SAID and (
            self._said_at is None or now - self._said_at >= SECONDS_BETWEEN_LINES
        ):
            self._said_at = now
            self.say(f"AWS does not answer ({describe_error(error)}) since {lasts:.0f} s, asking again")
        # Jitter, so that those who were throttled together do not come back together.
        self.sleep(self._delay * random.uniform(0.5, 1.0))  # noqa: S311
        self._delay = min(2 * self._delay, LONGEST_DELAY_SECONDS)

    def _recover(self) -> None:
        if self._failing_since is not None and self._said_at is not None:
            self.say(f"AWS answers again after {self.clock() - self._failing_since:.0f} s")
        self._forget()

    def _forget(self) -> None:
        self._failing_since, self._said_at, self._delay = None, None, FIRST_DELAY_SECONDS
