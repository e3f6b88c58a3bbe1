"""How often AWS is looked at: at growing intervals, so that a long rollout asks little."""

from __future__ import annotations

import os
from collections.abc import Iterator

from infra.rollout.errors import RolloutError

DEFAULT_POLL_DELAY_SECONDS = 5.0
LONGEST_POLL_DELAY_SECONDS = 15.0
LONGEST_DELAY_ASKED_FOR_SECONDS = 3600.0


def poll_delays() -> Iterator[float]:
    """The seconds to wait after each look; the first from the variable that Packer reads, too."""
    delay = _first_delay()
    while True:
        yield delay
        delay = max(delay, min(delay * 1.2, LONGEST_POLL_DELAY_SECONDS))


def _first_delay() -> float:
    text = os.environ.get("AWS_POLL_DELAY_SECONDS") or str(DEFAULT_POLL_DELAY_SECONDS)
    try:
        delay = float(text)
    except ValueError:
        delay = 0.0
    # Not a number is in no range.
    if 0 < delay <= LONGEST_DELAY_ASKED_FOR_SECONDS:
        return delay
    raise RolloutError(
        f"AWS_POLL_DELAY_SECONDS is {text!r} · a number of seconds above 0, up to "
        f"{LONGEST_DELAY_ASKED_FOR_SECONDS:.0f}, was expected · unset it"
    )
