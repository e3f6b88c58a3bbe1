"""Faults for tests: put into a running local AWS, and the calls it has seen."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

from local_aws.faults.client import ask_control
from local_aws.faults.control import CALLS, FAULTS
from local_aws.faults.fault import Fault
from local_aws.home import Home


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the journal."""

    sequence: int
    time: str
    action: str
    user_agent: str
    is_under_way: bool
    served: bool
    status: int | None
    error_code: str | None
    fault_id: str | None
    kind: str | None
    seconds: float | None


class Faults:
    """The faults of one running local AWS."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def inject(
        self,
        action: str,
        kind: str,
        *,
        count: int | None = None,
        after: int = 0,
        seconds: float | None = None,
        user_agent: str | None = None,
    ) -> str:
        """Put one in, and return its id."""
        fault = Fault(
            action=action, kind=kind, count=count, after=after, seconds=seconds, user_agent=user_agent
        )
        return str(ask_control(self._home, "POST", FAULTS, fault.to_json())["fault_id"])

    def hits(self, fault_id: str) -> int:
        """How many calls the fault has met."""
        faults = {fault["fault_id"]: fault for fault in ask_control(self._home, "GET", FAULTS)}
        return int(faults[fault_id]["hits"])

    def release(self, fault_id: str) -> None:
        """End the fault; the calls that it holds go on."""
        ask_control(self._home, "POST", f"{FAULTS}/{fault_id}/release")

    def clear(self) -> None:
        """End all; held calls go on."""
        ask_control(self._home, "DELETE", FAULTS)

    def calls(self, action: str = "*", *, since: int = 0) -> list[Call]:
        """The calls after the one numbered *since* whose action matches, the oldest first."""
        query = urllib.parse.urlencode({"action": action, "since": since})
        return [Call(**call) for call in ask_control(self._home, "GET", f"{CALLS}?{query}")]
