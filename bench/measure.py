"""Two ways of doing the same, timed in turns, so that what else the machine does meets both alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of doing it."""

    name: str
    run: Callable[[int], float]
    """Do it in the round of this number; how many seconds that took."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The seconds of both ways, one of each for every round."""

    title: str
    ours: str
    theirs: str
    our_seconds: tuple[float, ...]
    their_seconds: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Our median to their median."""
        return statistics.median(self.our_seconds) / statistics.median(self.their_seconds)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Our time to theirs in each round."""
        return tuple(ours / theirs for ours, theirs in zip(self.our_seconds, self.their_seconds, strict=True))


def compare(title: str, ours: Way, theirs: Way, rounds: int, say: Callable[[str], None]) -> Result:
    """Both ways, *rounds* times each, in turns; who begins changes from round to round."""
    seconds: dict[str, list[float]] = {ours.name: [], theirs.name: []}
    for number in range(rounds):
        for way in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            taken = way.run(number)
            seconds[way.name].append(taken)
            say(f"round {number + 1} of {rounds}: {way.name}: {taken:.2f} s")
    return Result(
        title=title,
        ours=ours.name,
        theirs=theirs.name,
        our_seconds=tuple(seconds[ours.name]),
        their_seconds=tuple(seconds[theirs.name]),
    )


def table(result: Result) -> str:
    """*result* for people: medians, from least to most, and what one is to the other."""
    rows = [
        ("", "median", "least to most", "runs"),
        (result.ours, *_cells(result.our_seconds, " s")),
        (result.theirs, *_cells(result.their_seconds, " s")),
        ("ratio", f"{result.ratio:.2f}", _spread(result.ratios, ""), ""),
    ]
    first = max(len(row[0]) for row in rows)
    lines = [
        f"  {name:<{first}}  {median:>9}  {spread:>18}  {runs:>4}".rstrip()
        for name, median, spread, runs in rows
    ]
    return "\n".join([result.title, *lines])


def _cells(seconds: Sequence[float], unit: str) -> tuple[str, str, str]:
    return f"{statistics.median(seconds):.2f}{unit}", _spread(seconds, unit), str(len(seconds))


def _spread(values: Sequence[float], unit: str) -> str:
    return f"{min(values):.2f} to {max(values):.2f}{unit}"
