"""What a Revoked tag says, and what fits into one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from image_builder.errors import RevocationError
from image_builder.registry.numbered_tags import CHARACTERS_PER_TAG
from image_builder.releasing.revocation import (
    Revocation,
    new_revocation,
    read_revocation,
    refusal_of,
    revocations_in,
    short_name,
    tags_of,
    warning_of,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BASE = "ami-0123456789abcdef0"


def test_what_is_written_is_read_again() -> None:
    revocation = new_revocation(reason="CVE-2026-1: a hole", by="deploy/alice@example.com", at=NOON)

    assert revocation.value == "2026-11-23T12:00:00Z by deploy/alice@example.com: CVE-2026-1: a hole"
    assert read_revocation(revocation.value) == revocation


def test_an_image_built_on_a_revoked_one_names_its_cause() -> None:
    inherited = new_revocation(reason="CVE-2026-1", by="alice", at=NOON).because_of(BASE)

    assert inherited.value == f"2026-11-23T12:00:00Z by alice: because its base {BASE} is: CVE-2026-1"
    assert read_revocation(inherited.value) == inherited


def test_a_copy_names_its_original() -> None:
    followed = new_revocation(reason="CVE-2026-1", by="alice", at=NOON).because_of(BASE).of_copy("ami-1")

    assert followed.value == "2026-11-23T12:00:00Z by alice: because its original ami-1 is: CVE-2026-1"
    assert read_revocation(followed.value) == followed


def test_of_several_the_one_that_holds_first_is_judged_by_and_none_is_lost() -> None:
    own = new_revocation(reason="end of life", by="alice", at=NOON + timedelta(days=30))
    inherited = new_revocation(reason="CVE-2026-1", by="bob", at=NOON).because_of(BASE)

    tags = tags_of([own, inherited])

    assert tags == {"Revoked": inherited.value, "Revoked:2": own.value}
    assert revocations_in({**tags, "RevokedBy": "x"}) == [inherited, own]
    assert refusal_of(tags, NOON) == inherited.words
    assert warning_of(tags, NOON) == ""


@pytest.mark.parametrize("year", [1, 999, 9999])
def test_any_year_is_read_again(year: int) -> None:
    revocation = new_revocation(reason="odd", by="alice", at=NOON.replace(year=year))

    assert read_revocation(revocation.value) == revocation


@pytest.mark.parametrize(
    "value", ["whatever", "", "2026-12-01", "2026-13-01T00:00:00Z by ops: no such month", "a by b: c"]
)
def test_words_written_by_hand_count_as_revoked_already(value: str) -> None:
    revocation = read_revocation(value)

    assert revocation == Revocation(reason=value)
    assert revocation.holds(NOON)
    assert revocation.words == f"Revoked: {value}"


def test_a_moment_to_come_does_not_hold_yet() -> None:
    revocation = new_revocation(reason="end of life", by="alice", at=NOON)

    tags, before = {"Revoked": revocation.value}, NOON - timedelta(seconds=1)
    assert refusal_of(tags, before) == ""
    assert warning_of(tags, before) == "to be Revoked 2026-11-23T12:00:00Z by alice: end of life"
    assert refusal_of(tags, NOON) == "Revoked 2026-11-23T12:00:00Z by alice: end of life"
    assert warning_of(tags, NOON) == ""


def test_a_rejected_image_is_refused_whatever_was_said_of_its_revocation() -> None:
    tags = {"Rejected": "unfit", "Revoked": "2027-01-01T00:00:00Z by alice: end of life"}

    assert refusal_of(tags, NOON) == "Rejected: unfit"
    assert warning_of({}, NOON) == refusal_of({}, NOON) == ""


def test_a_reason_stands_on_one_line() -> None:
    assert new_revocation(reason=" two\n lines ", by="alice", at=NOON).reason == "two lines"


def test_the_longest_reason_fits_on_a_copy_too() -> None:
    with pytest.raises(RevocationError, match="the reason has 300 characters") as raised:
        new_revocation(reason="x" * 300, by="alice", at=NOON)

    most = int(str(raised.value).split(" · ")[1].split()[0])
    longest = new_revocation(reason="x" * most, by="alice", at=NOON)
    assert len(longest.of_copy(BASE).value) == CHARACTERS_PER_TAG
    with pytest.raises(RevocationError):
        new_revocation(reason="x" * (most + 1), by="alice", at=NOON)


def test_of_many_words_written_by_hand_on_a_base_as_many_follow_as_there_is_room_for() -> None:
    inherited = read_revocation("x" * CHARACTERS_PER_TAG).because_of(BASE)

    assert len(inherited.value) == CHARACTERS_PER_TAG
    assert inherited.value.endswith("xx…")
    assert read_revocation(inherited.value).cause == BASE


def test_an_empty_reason_is_refused() -> None:
    with pytest.raises(RevocationError, match="the reason is empty"):
        new_revocation(reason=" ", by="alice", at=NOON)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::123456789012:user/team/alice", "alice"),
        ("arn:aws:iam::123456789012:root", "root"),
        ("arn:aws:sts::123456789012:assumed-role/deploy/GitHubActions", "deploy/GitHubActions"),
        (
            "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com",
            "Admin/alice@example.com",
        ),
        ("arn:aws:sts::123456789012:federated-user/bob", "bob"),
        ("arn:aws-cn:sts::123456789012:assumed-role/deploy/i-0123", "deploy/i-0123"),
    ],
)
def test_a_caller_is_known_by_a_short_name(arn: str, name: str) -> None:
    assert short_name(arn) == name
