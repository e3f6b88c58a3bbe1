"""The life of a registered target, decided from what haproxy sees: pure, no haproxy and no moto.

registering -> initial -> in service (healthy or unhealthy, as haproxy's checks find) -> draining -> gone
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from local_aws.load_balancing.model import Target, TargetGroup
from local_aws.load_balancing.statistics import Row

FULL_WEIGHT = 100


class Phase(Enum):
    """Where a target is in its life."""

    INITIAL = "initial"
    IN_SERVICE = "in service"
    DRAINING = "draining"


class Act(Enum):
    """What haproxy has to be told of a target."""

    ADD = "add"  # checked, but without traffic
    RETRY = "retry"  # a draining target is registered again
    ADMIT = "admit"  # healthy for the first time: traffic from now on
    DENY = "deny"  # unhealthy before it was ever healthy
    DRAIN = "drain"
    KILL = "kill"  # the deregistration delay is over: what is still in flight ends
    REMOVE = "remove"
    WEIGHT = "weight"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why the last failed health check failed, in AWS's words."""

    reason: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one target that haproxy has a server for."""

    group: TargetGroup
    target: Target
    phase: Phase
    generation: int  # of the haproxy process that first knew it
    since: float = 0.0  # when it was registered
    is_probing: bool = False  # checked more often than it will be, until it passed or failed
    is_up: bool = False
    failure: Failure | None = None
    drain_until: float | None = None
    slow_since: float | None = None
    weight: int = FULL_WEIGHT

    @property
    def key(self) -> tuple[str, str]:
        """What is unique of its server: (target group, address and port)."""
        return (self.group.name, self.target.server)


def failure_of(row: Row) -> Failure | None:
    """AWS's reason for the check result in *row*; None when it is no failure.

    Codes and descriptions: Application Load Balancers user guide, "Health check reason codes".
    """
    status = row.check_status.removeprefix("* ")
    if status in ("", "INI", "UNK") or status.endswith(("OK", "OKC")):
        return None
    if status == "L7STS" and row.check_code in ("", "0"):
        return None  # haproxy clears the code when the next check begins; the next look has one
    if status == "L7STS":
        return Failure(
            reason="Target.ResponseCodeMismatch",
            description=f"Health checks failed with these codes: [{row.check_code}]",
        )
    if status.endswith("TOUT"):
        return Failure(reason="Target.Timeout", description="Request timed out")
    return Failure(reason="Target.FailedHealthChecks", description="Health checks failed")


def slow_start_weight(elapsed_seconds: float, duration_seconds: int) -> int:
    """The share of a full weight, in percent, that a target in slow start gets: it grows linearly."""
    if duration_seconds <= 0 or elapsed_seconds >= duration_seconds:
        return FULL_WEIGHT
    return max(1, int(FULL_WEIGHT * elapsed_seconds / duration_seconds))


def reconcile(
    records: dict[tuple[str, str], Record],
    groups: tuple[TargetGroup, ...],
    *,
    generation: int,
    now: float,
) -> tuple[dict[tuple[str, str], Record], list[tuple[Act, Record]]]:
    """The records and acts that bring haproxy from *records* to the targets registered in *groups*."""
    by_name = {group.name: group for group in groups}
    wanted = {
        (group.name, target.server): (group, target)
        for group in groups
        for target in group.targets
        if target.is_running and target.address
    }
    after: dict[tuple[str, str], Record] = {}
    acts: list[tuple[Act, Record]] = []
    for key, record in records.items():
        group = by_name.get(key[0])
        if group is None:
            continue  # no listener forwards to it any more: the process that knew it is being replaced
        registered = wanted.pop(key, None)
        record = replace(record, group=group)
        if registered and registered[1].instance_id != record.target.instance_id:
            # Another machine has the address: the old one cannot be there any more.
            acts += [(Act.KILL, record), (Act.REMOVE, record)]
            record = _new(*registered, generation=generation, now=now)
            acts.append((Act.ADD, record))
        elif registered and record.phase is Phase.DRAINING:
            record = replace(record, phase=Phase.INITIAL, drain_until=None, failure=None, is_up=False)
            acts.append((Act.RETRY, record))
        elif not registered and record.phase is not Phase.DRAINING:
            record = replace(
                record,
                phase=Phase.DRAINING,
                drain_until=now + group.deregistration_delay_seconds,
                slow_since=None,
            )
            acts.append((Act.DRAIN, record))
        after[key] = record
    for key, (group, target) in wanted.items():
        after[key] = _new(group, target, generation=generation, now=now)
        acts.append((Act.ADD, after[key]))
    return after, acts


def _new(group: TargetGroup, target: Target, *, generation: int, now: float) -> Record:
    return Record(
        group=group,
        target=target,
        phase=Phase.INITIAL,
        generation=generation,
        since=now,
        is_probing=True,
    )


def advance(
    record: Record, row: Row | None, *, now: float, newest_retiring: int, has_peer: bool
) -> tuple[Record | None, list[tuple[Act, Record]]]:
    """What becomes of *record* after haproxy reported *row*; None once it is gone.

    *newest_retiring* is the newest haproxy process that only finishes its requests, 0 without one: it may
    still use targets as old as itself. *has_peer* says whether another target of the group is healthy at
    full weight, without which AWS starts no slow start.
    """
    if row is None:
        return record, []
    if record.phase is Phase.DRAINING:
        return _drain(record, row, now=now, newest_retiring=newest_retiring)
    failure = failure_of(row) or record.failure
    record = replace(record, failure=failure)
    if record.phase is Phase.INITIAL:
        if row.has_passed_check:
            began = now if record.group.slow_start_seconds and has_peer else None
            weight = slow_start_weight(0, record.group.slow_start_seconds) if began else FULL_WEIGHT
            admitted = replace(
                record, phase=Phase.IN_SERVICE, is_up=True, failure=None, slow_since=began, weight=weight
            )
            return replace(admitted, is_probing=False), [(Act.ADMIT, admitted)]
        if row.is_down or (record.is_probing and failure and now >= record.since + _patience(record.group)):
            denied = replace(record, phase=Phase.IN_SERVICE, is_up=False)
            return replace(denied, is_probing=False), [(Act.DENY, denied)]
        return record, []
    return _serve(record, row, now=now, has_peer=has_peer)


def _patience(group: TargetGroup) -> float:
    """How long a new target may fail its checks before it is called unhealthy."""
    return group.health_check.interval_seconds * group.health_check.unhealthy_threshold


def _drain(
    record: Record, row: Row, *, now: float, newest_retiring: int
) -> tuple[Record | None, list[tuple[Act, Record]]]:
    if record.drain_until is not None and now >= record.drain_until:
        return None, [(Act.KILL, record), (Act.REMOVE, record)]
    if row.current_sessions == 0 and newest_retiring < record.generation:
        return None, [(Act.REMOVE, record)]
    return record, []


def _serve(
    record: Record, row: Row, *, now: float, has_peer: bool
) -> tuple[Record | None, list[tuple[Act, Record]]]:
    came_back = row.is_up and not record.is_up
    slow_since = record.slow_since if row.is_up else None
    if came_back and record.group.slow_start_seconds and has_peer:
        slow_since = now
    weight = FULL_WEIGHT
    if slow_since is not None:
        weight = slow_start_weight(now - slow_since, record.group.slow_start_seconds)
        slow_since = None if weight == FULL_WEIGHT else slow_since
    changed = weight != record.weight
    record = replace(record, is_up=row.is_up, slow_since=slow_since, weight=weight)
    return record, [(Act.WEIGHT, record)] if changed else []
