"""Removes leftovers in an order that works, each for itself; what was cut off can be done again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.ec2_client import reason_of
from image_builder.leftovers.reaping import Row
from image_builder.leftovers.temporaries import Kind, Temporaries

_SECONDS_TO_TERMINATE = 600.0


def remove_leftovers(
    rows: Sequence[Row], temporaries: Temporaries, *, seconds_to_terminate: float = _SECONDS_TO_TERMINATE
) -> Iterator[tuple[Row, str]]:
    """Remove each leftover of *rows*; yields it when that is done, with why it failed or nothing."""
    leftovers = [row for row in rows if row.is_leftover]
    ending: list[Row] = []
    for row in leftovers:
        if row.thing.kind is Kind.INSTANCE:
            if failure := _remove(row, temporaries):
                yield row, failure
            else:
                ending.append(row)
    # Groups and volumes cannot go before the instances that use them are gone.
    yield from _wait(ending, temporaries, seconds_to_terminate)
    for kind in list(Kind)[1:]:
        for row in leftovers:
            if row.thing.kind is kind:
                yield row, _remove(row, temporaries)


def _wait(ending: Sequence[Row], temporaries: Temporaries, seconds: float) -> Iterator[tuple[Row, str]]:
    try:
        slow = temporaries.wait_until_terminated(
            [row.thing.resource_id for row in ending], deadline=time.monotonic() + seconds
        )
    except (BotoCoreError, ClientError) as error:
        yield from ((row, f"told to end; how it ended is not known: {reason_of(error)}") for row in ending)
        return
    for row in ending:
        is_slow = row.thing.resource_id in slow
        yield row, f"still not terminated after {seconds:.0f} s · run it again" if is_slow else ""


def _remove(row: Row, temporaries: Temporaries) -> str:
    try:
        temporaries.remove(row.thing)
    except (BotoCoreError, ClientError) as error:
        return reason_of(error)
    return ""
