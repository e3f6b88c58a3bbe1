"""How often AWS is looked at: at growing intervals, so that a long rollout asks little."""

from __future__ import annotations

import os
from collections.abc import Iterator

from infra.rollout.errors import RolloutError

DEFAULT_POLL_DELAY_SECONDS = 5.0
LONGEST_POLL_DELAY_SECONDS = 15.0


def poll_delays() -> Iterator[float]:
    """The seconds to wait after each look; the first from the variable that Packer reads, too."""
    text = os.environ.get("AWS_POLL_DELAY_SECONDS") or str(DEFAULT_POLL_DELAY_SECONDS)
    try:
        delay = float(text)
    except ValueError:
        raise RolloutError(
            f"AWS_POLL_DELAY_SECONDS is {text!r} · a number of seconds was expected · unset it"
        ) from None
    while True:
        yield delay
        delay = max(delay, min(delay * 1.2, LONGEST_POLL_DELAY_SECONDS))
