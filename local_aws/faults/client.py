"""Asks a running local AWS about its faults and calls."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from local_aws.direct import open_directly
from local_aws.home import Home, LocalAwsError

ANSWERS_WITHIN_SECONDS = 60


def ask_control(home: Home, method: str, path: str, content: Any = None) -> Any:
    """What the route *path* answers; LocalAwsError with its words when it refuses."""
    request = urllib.request.Request(  # noqa: S310 - the address is this computer's
        f"{home.endpoint_url}{path}",
        method=method,
        data=None if content is None else json.dumps(content).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with open_directly(request, timeout_seconds=ANSWERS_WITHIN_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise LocalAwsError(_words_of(error)) from error
    except (OSError, ValueError) as error:
        raise LocalAwsError(
            f"{home.endpoint_url} does not answer ({error}) · a running local AWS was expected · "
            "`python -m local_aws status` says whether it runs"
        ) from error


def _words_of(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answers {error.code} {error.reason} · JSON was expected · read the server's log"
