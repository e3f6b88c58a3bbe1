"""The smoke test's own program: needs nothing but Python, since it runs outside the virtual environment."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
import time
import urllib.request
from collections.abc import Callable

ANSWERS_IN_A_ROW = 10
PAUSE_SECONDS = 0.1
REQUEST_TIMEOUT_SECONDS = 5


def any_host_name() -> ssl.SSLContext:
    """Trusts certificates as usual, whatever host they name.

    The load balancer is asked by the name that AWS gave it, which no certificate of its own can name.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def ask(url: str) -> str:
    """The AMI id that /version names, or what was wrong with the answer."""
    try:
        with urllib.request.urlopen(  # noqa: S310 - the URL is the load balancer's own
            f"{url}/version", timeout=REQUEST_TIMEOUT_SECONDS, context=any_host_name()
        ) as answer:
            return str(json.load(answer)["ami_id"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


def wait_for_answers(
    asker: Callable[[], str],
    ami_id: str,
    timeout_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Ask until enough answers in a row name *ami_id*; return "" then, else what was answered instead."""
    deadline = clock() + timeout_seconds
    in_a_row, last_wrong = 0, ""
    while True:
        answer = asker()
        in_a_row = in_a_row + 1 if answer == ami_id else 0
        last_wrong = last_wrong if answer == ami_id else answer
        if clock() > deadline:
            before = f", {last_wrong} before" if last_wrong else ", each of them slow"
            return f"{ami_id} only {in_a_row} times in a row{before}" if in_a_row else last_wrong
        if in_a_row == ANSWERS_IN_A_ROW:
            return ""
        sleep(PAUSE_SECONDS)


def main() -> int:
    """Read the environment, ask, and say the verdict in one line; 0 when every answer was right."""
    url, ami_id = os.environ["SMOKE_TEST_URL"], os.environ["SMOKE_TEST_AMI_ID"]
    timeout_seconds = float(os.environ["SMOKE_TEST_TIMEOUT_SECONDS"])
    wrong = wait_for_answers(lambda: ask(url), ami_id, timeout_seconds)
    if wrong:
        print(
            f"{url}/version answered {wrong} · {ANSWERS_IN_A_ROW} answers in a row with {ami_id} were "
            f"expected within {timeout_seconds:.0f} s · look at the targets' health, or set smokeTest to "
            "false where this machine cannot reach the load balancer",
            file=sys.stderr,
        )
        return 1
    print(f"{url} answers with {ami_id}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
