"""How far a refresh is said to be, and until when it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from infra.rollout.following import Progress
from infra.rollout.preferences import Preferences
from infra.rollout.values import Refresh
from tests.infra.rollout.worlds import refresh

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PREFERENCES = Preferences(
    checkpoint_percentages=(34, 67, 100), checkpoint_delay_seconds=300, bake_time_seconds=600
)


def looked_at(status: str, percentage: int, left: int, reason: str = "") -> Refresh:
    return refresh(status, percentage, instances_to_update=left, reason=reason, preferences=PREFERENCES)


def line(progress: Progress, seen: Refresh, seconds: float = 0) -> str:
    return progress.describe(seen, NOON + timedelta(seconds=seconds))[0]


def test_a_checkpoint_is_told_with_the_time_at_which_it_goes_on() -> None:
    progress = Progress(total=3)

    assert line(progress, looked_at("InProgress", 33, 2, "Warm."), 5) == (
        "InProgress, 33 %, 1 of 3 instances replaced; Warm."
    )
    waits = line(progress, looked_at("InProgress", 66, 1, "Checkpoint."), 10)
    assert waits == (
        "InProgress, 66 %, 2 of 3 instances replaced; checkpoint of 34 % reached, waiting until 12:05:10 UTC"
    )
    assert line(progress, looked_at("InProgress", 66, 1, "Another reason."), 200) == waits
    assert "waiting until" not in line(progress, looked_at("InProgress", 66, 1), 311)


def test_each_checkpoint_has_a_time_of_its_own_and_the_last_one_has_none() -> None:
    progress = Progress(total=100)
    line(progress, looked_at("InProgress", 34, 66))

    assert "checkpoint of 67 % reached, waiting until 12:15:00" in line(
        progress, looked_at("InProgress", 67, 33), 600
    )
    assert "checkpoint" not in line(progress, looked_at("InProgress", 100, 0), 601)


def test_the_bake_time_is_told_with_its_end_and_after_that_with_what_still_keeps_it() -> None:
    progress = Progress(total=3)

    assert line(progress, looked_at("Baking", 100, 0, "Waiting for the bake time.")) == (
        "Baking, 100 %, 3 of 3 instances replaced; baking until 12:10:00 UTC"
    )
    assert line(progress, looked_at("Baking", 100, 0, "i-a is sick."), 601) == (
        "Baking, 100 %, 3 of 3 instances replaced; i-a is sick."
    )


def test_the_end_of_a_pause_that_somebody_else_began_is_not_claimed_to_be_known() -> None:
    progress = Progress(total=3, is_own=False)

    assert "waiting until at the latest 12:05:00 UTC" in line(progress, looked_at("InProgress", 34, 2))
    assert "baking until 12:11:40 UTC" in line(progress, looked_at("Baking", 100, 0), 100)


def test_a_rollback_is_not_counted_as_if_it_replaced_towards_the_target() -> None:
    assert line(Progress(total=3), looked_at("RollbackInProgress", 33, 2, "Going back.")) == (
        "RollbackInProgress, 33 %, 2 to update; Going back."
    )


def test_a_rollback_that_has_ended_is_told_without_the_counts_of_what_was_taken_back() -> None:
    assert line(Progress(total=3), looked_at("RollbackSuccessful", 0, 3)) == "RollbackSuccessful"


def test_reasons_that_follow_each_other_are_one_subject_and_a_change_is_another() -> None:
    progress = Progress(total=3)

    one, two, three = (
        progress.describe(seen, NOON)[1]
        for seen in (
            looked_at("InProgress", 0, 3, "i-a warms."),
            looked_at("InProgress", 0, 3, "i-b warms."),
            looked_at("InProgress", 33, 2, "i-b warms."),
        )
    )

    assert one == two != three
