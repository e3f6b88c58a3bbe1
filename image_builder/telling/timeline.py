"""When images were built and rolled out, as a picture: a lane for the builds and one for each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from image_builder.ami import Ami
from image_builder.registry.groups import GroupStatus, Refresh

MOST_DAYS, MOST_GROUPS = 45, 12
WIDTH, LABEL_WIDTH, LANE_HEIGHT, AXIS_HEIGHT = 1040, 230, 40, 30
_PAD, _MOST_TICKS = 44, 8
_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440, 2880, 5760, 10080)
)
_VERDICTS = {"Successful": "good", "Failed": "bad", "Cancelled": "ended"}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One build or rollout."""

    x: int
    verdict: str
    """`built`, or as verdict_of says."""
    detail: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """What happened to one group, or the builds."""

    label: str
    y: int
    marks: Sequence[Mark]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The picture; without lanes where nothing happened of late."""

    lanes: Sequence[Lane]
    ticks: Sequence[tuple[int, str]]

    @property
    def height(self) -> int:
        """In pixels."""
        return len(self.lanes) * LANE_HEIGHT + AXIS_HEIGHT


def verdict_of(refresh: Refresh) -> str:
    """How it ended: `good`, `bad`, `ended` (by somebody), or `running`."""
    if refresh.status.startswith("Rollback") and refresh.ended_at:
        return "bad"
    return _VERDICTS.get(refresh.status, "running")


def draw_timeline(amis: Sequence[Ami], groups: Sequence[GroupStatus], now: datetime) -> Timeline:
    """The picture of the last MOST_DAYS days, or of less where nothing is older."""
    earliest = now - timedelta(days=MOST_DAYS)
    builds = [(moment, ami) for ami in amis if (moment := _moment(ami.built_at)) and moment >= earliest]
    rollouts = {
        status.group.name: [
            (moment, one)
            for one in status.refreshes
            if (moment := _moment(one.started_at)) and moment >= earliest
        ]
        for status in groups[:MOST_GROUPS]
    }
    moments = [
        *(moment for moment, _ in builds),
        *(moment for some in rollouts.values() for moment, _ in some),
    ]
    if not moments:
        return Timeline(lanes=[], ticks=[])
    begin = min(*moments, now - _STEPS[1])
    span = (now - begin).total_seconds()

    def x_of(moment: datetime) -> int:
        share = min(max((moment - begin).total_seconds() / span, 0), 1)
        return LABEL_WIDTH + _PAD + round(share * (WIDTH - LABEL_WIDTH - 2 * _PAD))

    built = [
        Mark(x=x_of(moment), verdict="built", detail=f"{ami.name} built {ami.built_at}")
        for moment, ami in builds
    ]
    lanes = [Lane(label="images built", y=LANE_HEIGHT // 2, marks=built)]
    for number, (name, some) in enumerate(rollouts.items(), start=1):
        marks = [
            Mark(x=x_of(moment), verdict=verdict_of(one), detail=f"{one.started_at} {one.line}")
            for moment, one in some
        ]
        lanes.append(Lane(label=name, y=number * LANE_HEIGHT + LANE_HEIGHT // 2, marks=marks))
    return Timeline(lanes=lanes, ticks=[(x_of(tick), label) for tick, label in _ticks(begin, now)])


def _ticks(begin: datetime, end: datetime) -> list[tuple[datetime, str]]:
    step = next((one for one in _STEPS if (end - begin) / one <= _MOST_TICKS), _STEPS[-1])
    seconds = int(step.total_seconds())
    first = -(-int(begin.timestamp()) // seconds) * seconds
    moments = [
        datetime.fromtimestamp(second, UTC) for second in range(first, int(end.timestamp()) + 1, seconds)
    ]
    by_day = step >= timedelta(days=1)
    return [(one, f"{one:%d %b}" if by_day else f"{one:%d %b %H:%M}") for one in moments]


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
