"""Which of what runs made for themselves is a leftover of a dead run. Pure: plain values in, rows out.

A run is dead when it is past the deadline that it wrote into its tags at its start, and no process of this
machine works for it; whoever reaps on another machine has the deadline alone. An image that AWS made to its
end is no temporary thing, whatever became of the run: the next `pulumi up` of its fingerprint adopts it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_RUN, TAG_RUN_DEADLINE, TAG_SOURCE_AMI
from image_builder.building.run_folder import RUN_ID
from image_builder.leftovers.temporaries import Kind, Temporary

CLOCKS_DIFFER = timedelta(minutes=10)
"""AWS takes a request whose clock is up to five minutes off (Signature Version 4), early or late."""
_NEVER_COMPLETE = frozenset({"failed", "error", "invalid"})
_BEING_MADE = frozenset({"pending", "transient"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is to become of one thing, and why."""

    thing: Temporary
    is_leftover: bool
    reason: str

    @property
    def run_id(self) -> str:
        """The run that made it, as far as it says."""
        return self.thing.tags.get(TAG_RUN, "")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known beside the things themselves."""

    now: datetime
    alive: Mapping[str, int]
    """The runs that processes of this machine work for, with one of these processes."""
    named: Collection[str] = ()
    """The runs of which a person says that they are over; no others are looked at, if there are any."""
    margin: timedelta = CLOCKS_DIFFER
    """How long past its deadline a run counts as dead."""


def judge(things: Iterable[Temporary], known: Known) -> list[Row]:
    """A row for each of *things* that is temporary, in the order in which they can be removed."""
    found = list(things)
    images = [thing for thing in found if thing.kind is Kind.IMAGE and thing.state not in _NEVER_COMPLETE]
    of_images = {snapshot for image in images for snapshot in image.depends_on}
    rows = [
        _judge_one(thing, known)
        for thing in found
        if _is_temporary(thing, of_images) and (not known.named or thing.tags.get(TAG_RUN) in known.named)
    ]
    going = {row.thing.resource_id for row in rows if row.is_leftover}
    order = list(Kind)
    return sorted(
        (_unless_in_use(row, going) for row in rows),
        key=lambda row: (row.run_id, order.index(row.thing.kind), row.thing.resource_id),
    )


def _is_temporary(thing: Temporary, of_images: Collection[str]) -> bool:
    if thing.kind is Kind.IMAGE:
        return thing.state in _NEVER_COMPLETE | _BEING_MADE
    if thing.kind is Kind.SNAPSHOT:
        # SourceAmi is written when the image is confirmed: what has it is no half-made thing.
        return thing.resource_id not in of_images and TAG_SOURCE_AMI not in thing.tags
    return True


def _judge_one(thing: Temporary, known: Known) -> Row:
    if reason := _why_not_ours(thing):
        return Row(thing=thing, is_leftover=False, reason=reason)
    run_id = thing.tags[TAG_RUN]
    if run_id in known.alive:
        return Row(thing=thing, is_leftover=False, reason=f"run is alive here: pid {known.alive[run_id]}")
    if thing.kind is Kind.IMAGE and thing.state in _BEING_MADE:
        return Row(
            thing=thing,
            is_leftover=False,
            reason=f"AWS still makes it ({thing.state}): once complete, the next pulumi up adopts it",
        )
    if run_id in known.named:
        return Row(
            thing=thing, is_leftover=True, reason="run is over, you say, and no Packer of it runs here"
        )
    return _judge_by_deadline(thing, known)


def _judge_by_deadline(thing: Temporary, known: Known) -> Row:
    deadline = _deadline_of(thing)
    if deadline is None:
        return Row(
            thing=thing,
            is_leftover=False,
            reason=f"has no {TAG_RUN_DEADLINE} to go by: name its run with --run if you know that it is over",
        )
    if known.now < deadline + known.margin:
        return Row(
            thing=thing,
            is_leftover=False,
            reason=f"run may be alive elsewhere until its deadline, {_clock(deadline + known.margin)}",
        )
    return Row(
        thing=thing,
        is_leftover=True,
        reason=f"run is dead: its deadline was {_clock(deadline)}, and no Packer of it runs here",
    )


def _why_not_ours(thing: Temporary) -> str:
    run_id = thing.tags.get(TAG_RUN)
    if run_id is None:
        return f"has Packer's name but no {TAG_RUN} tag: whose it is cannot be proven"
    if not RUN_ID.fullmatch(run_id):
        return f"has the tag {TAG_RUN}={run_id}, which is no run of this program"
    if thing.tags.get(TAG_BUILT_BY) != TAG_BUILT_BY_PACKER:
        return f"has not the tag {TAG_BUILT_BY}={TAG_BUILT_BY_PACKER} that every run gives"
    return ""


def _unless_in_use(row: Row, going: Collection[str]) -> Row:
    """*row*, but a volume stays with the instance that it is attached to."""
    if not row.is_leftover or row.thing.kind is not Kind.VOLUME:
        return row
    users = [instance for instance in row.thing.depends_on if instance not in going]
    if not users:
        return row
    return Row(thing=row.thing, is_leftover=False, reason=f"is attached to {', '.join(users)}, which stays")


def _deadline_of(thing: Temporary) -> datetime | None:
    try:
        deadline = datetime.fromisoformat(thing.tags[TAG_RUN_DEADLINE])
    except (KeyError, ValueError):
        return None
    return deadline if deadline.tzinfo else None


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
