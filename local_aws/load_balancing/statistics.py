"""haproxy's `show stat` as typed rows, and counts that outlive servers and processes. Pure."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

RESPONSE_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of `show stat`: a frontend, a backend or a server."""

    proxy: str
    server: str
    status: str = ""
    check_status: str = ""
    check_code: str = ""
    current_sessions: int = 0
    requests: int = 0
    responses: dict[str, int] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        """Whether haproxy holds the server for healthy."""
        return self.status.startswith(("UP", "no check"))

    @property
    def is_down(self) -> bool:
        """Whether haproxy holds the server for unhealthy."""
        return self.status.startswith("DOWN")

    @property
    def has_passed_check(self) -> bool:
        """Whether the last health check that ended was a good one."""
        return self.check_status.removeprefix("* ") in ("L7OK", "L7OKC")


@dataclass(frozen=True, kw_only=True)
class LoadBalancerStatistics:
    """What a load balancer answered since the local AWS started."""

    requests: int
    target_responses: dict[str, int]  # by class, "2xx" to "5xx": CloudWatch's HTTPCode_Target_2XX_Count
    elb_5xx: int  # made by the load balancer itself: CloudWatch's HTTPCode_ELB_5XX_Count


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Counts by load balancer name and, for the targets' own answers, by target group ARN.

    milliseconds: how many requests took a target so long to answer, -1 where it did not, by target group.
    """

    load_balancers: dict[str, LoadBalancerStatistics]
    target_groups: dict[str, dict[str, int]]
    milliseconds: dict[str, Counter[int]] = field(default_factory=dict)


def parse_rows(text: str) -> list[Row]:
    """The rows of haproxy's CSV; lines that are not whole are left out."""
    lines = text.strip().removeprefix("# ").splitlines()
    return [_row(values) for values in csv.DictReader(lines) if values.get("pxname") and values.get("svname")]


def _row(values: dict[str, str | None]) -> Row:
    def number(name: str) -> int:
        text = values.get(name) or ""
        return int(text) if text.isdigit() else 0

    return Row(
        proxy=values.get("pxname") or "",
        server=values.get("svname") or "",
        status=values.get("status") or "",
        check_status=values.get("check_status") or "",
        check_code=values.get("check_code") or "",
        current_sessions=number("scur"),
        requests=number("req_tot"),
        responses={name: number(f"hrsp_{name}") for name in RESPONSE_CLASSES},
    )


class Tally:
    """Counts per proxy that keep growing when a server is removed or a process is replaced."""

    def __init__(self) -> None:
        self._past: Counter[tuple[str, str, str]] = Counter()
        self._rows: dict[tuple[str, str], Row] = {}

    def see(self, rows: Iterable[Row]) -> None:
        """Take the newest *rows*; what a row that is now missing had counted is kept."""
        current = {(row.proxy, row.server): row for row in rows}
        for key, row in self._rows.items():
            began_again = key in current and sum(current[key].responses.values()) < sum(
                row.responses.values()
            )
            if key not in current or began_again:
                self._past.update(_counts(row))
        self._rows = current

    def close(self) -> None:
        """Keep what was counted so far: the process that counted it is being replaced."""
        self.see(())

    def totals(self) -> Counter[tuple[str, str, str]]:
        """(proxy, kind, what) -> count, where kind is FRONTEND, BACKEND or server."""
        total = Counter(self._past)
        for row in self._rows.values():
            total.update(_counts(row))
        return total


def _counts(row: Row) -> dict[tuple[str, str, str], int]:
    kind = row.server if row.server in ("FRONTEND", "BACKEND") else "server"
    counts = {(row.proxy, kind, name): count for name, count in row.responses.items()}
    return {**counts, (row.proxy, kind, "requests"): row.requests}


def summarize(
    totals: Counter[tuple[str, str, str]],
    frontends: dict[str, str],
    backends: dict[str, tuple[str, str]],
) -> Statistics:
    """Counts by load balancer and target group.

    *frontends* names each frontend's load balancer, *backends* each backend's (load balancer, target group).
    """
    groups: dict[str, dict[str, int]] = {}
    answered: dict[str, Counter[str]] = {name: Counter() for name in frontends.values()}
    for backend, (load_balancer, group) in backends.items():
        counts = {name: totals[(backend, "server", name)] for name in RESPONSE_CLASSES}
        groups[group] = {name: groups.get(group, {}).get(name, 0) + counts[name] for name in counts}
        answered.setdefault(load_balancer, Counter()).update(counts)
    balancers = {}
    for name in answered:
        own = [frontend for frontend, owner in frontends.items() if owner == name]
        all_5xx = sum(totals[(frontend, "FRONTEND", "5xx")] for frontend in own)
        balancers[name] = LoadBalancerStatistics(
            requests=sum(totals[(frontend, "FRONTEND", "requests")] for frontend in own),
            target_responses=dict(answered[name]),
            elb_5xx=max(0, all_5xx - answered[name]["5xx"]),
        )
    return Statistics(load_balancers=balancers, target_groups=groups)
