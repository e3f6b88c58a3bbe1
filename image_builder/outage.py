"""Says that AWS does not answer, and that it answers again, to the person who waits for it meanwhile.

boto3 and Packer wait and try again by themselves, for some minutes and without a word. So each answer that
one of our own calls gets is looked at, the ones that boto3 will retry included; and while Packer is silent,
a call of our own asks whether AWS is why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

_REMINDER_SECONDS = 30.0
_THROTTLING = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "EC2ThrottledException"}
)


class Outage:
    """What is known of whether AWS answers."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._began: float | None = None
        self._last_said = 0.0

    def note(self, trouble: str) -> None:
        """Take in how a call went: why it got no answer (`RequestLimitExceeded`), or nothing when it did."""
        now = self._clock()
        if trouble and self._began is None:
            self._began = self._last_said = now
            self._say(f"AWS does not answer ({trouble}): waiting and trying again")
        elif trouble and self._began is not None and now - self._last_said >= _REMINDER_SECONDS:
            self._last_said = now
            self._say(f"AWS has not answered for {now - self._began:.0f} s ({trouble}): still trying")
        elif not trouble and self._began is not None:
            self._say(f"AWS answers again, after {now - self._began:.0f} s")
            self._began = None


def watch(client: Any, outage: Outage) -> None:
    """Have *outage* take in how each attempt of each call of *client* goes."""

    def note(
        response: tuple[Any, Mapping[str, Any]] | None = None,
        caught_exception: Exception | None = None,
        **_: Any,
    ) -> None:
        outage.note(trouble_of(response, caught_exception))

    # botocore asks here after each attempt whether to retry; None leaves that to its own handlers.
    client.meta.events.register_first("needs-retry", note)


def trouble_of(response: tuple[Any, Mapping[str, Any]] | None, exception: Exception | None) -> str:
    """Why an attempt got no answer to what it asked; nothing when it did, a refusal included."""
    if exception is not None:
        return type(exception).__name__
    if response is None:
        return ""
    http, parsed = response
    code = str(parsed.get("Error", {}).get("Code", ""))
    if http.status_code >= 500 or code in _THROTTLING:
        return code or str(http.status_code)
    return ""
