"""Each kind of fault, done to one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from local_aws.faults.call import Call
from local_aws.faults.errors import answer_of, refusal_of
from local_aws.faults.exchange import Answer, Environ, is_client_gone
from local_aws.faults.meeting import Armed

LOOK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """A call that has met a fault."""

    call: Call
    armed: Armed
    environ: Environ
    serve: Callable[[], Answer]


def perform(meeting: Meeting) -> Answer | None:
    """What the call is answered; None where its connection is closed without an answer."""
    return _DOING[meeting.armed.fault.kind](meeting)


def _refuse(meeting: Meeting) -> Answer:
    return answer_of(refusal_of(meeting.armed.fault.kind, meeting.call), meeting.call)


def _time_out(meeting: Meeting) -> None:
    _wait(meeting)


def _drop(_: Meeting) -> None:
    return


def _drop_after(meeting: Meeting) -> None:
    meeting.serve()


def _answer_stale(meeting: Meeting) -> Answer:
    earlier = meeting.armed.earlier
    answer = earlier.get(meeting.call.key) or meeting.serve()
    return earlier.setdefault(meeting.call.key, answer) if answer.code == 200 else answer


def _hold(meeting: Meeting) -> Answer | None:
    _wait(meeting)
    # A request that is still on its way when its sender dies does not arrive.
    return None if is_client_gone(meeting.environ) else meeting.serve()


def _hold_after(meeting: Meeting) -> Answer:
    answer = meeting.serve()
    _wait(meeting)
    return answer


def _wait(meeting: Meeting) -> None:
    """Return when the fault is released or its time is over, or when the client has gone."""
    armed = meeting.armed
    while not armed.ended.wait(LOOK_SECONDS):
        if armed.time_is_over(time.monotonic()) or is_client_gone(meeting.environ):
            return


_DOING: dict[str, Callable[[Meeting], Answer | None]] = {
    "throttling": _refuse,
    "server-error": _refuse,
    "expired-credentials": _refuse,
    "timeout": _time_out,
    "dropped": _drop,
    "dropped-after": _drop_after,
    "stale": _answer_stale,
    "hold": _hold,
    "hold-after": _hold_after,
}
