"""The lines that say what will happen to an image, and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from image_builder import wording
from image_builder.ami import Ami
from image_builder.checkout.git import LoggedCommit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def ami(**tags: str) -> Ami:
    return Ami(
        ami_id="ami-0a",
        name="web-1",
        owner_id="123456789012",
        state="available",
        state_reason="",
        architecture="x86_64",
        created_at="2026-11-23T09:00:00Z",
        source_ami_id="",
        tags=tags,
        snapshot_ids=(),
    )


def test_reuse_names_age_commit_and_reason() -> None:
    line = wording.reuse(ami(GitCommit="4e5f6a7" + "0" * 33, GitDirty="false"), NOW, "app/server.py changed")

    assert line == "reuse ami-0a (built 3 h ago from 4e5f6a7): app/server.py changed"


def test_an_image_of_a_dirty_tree_says_so() -> None:
    assert wording.built(ami(GitCommit="4e5f6a7", GitDirty="true"), NOW) == (
        "(built 3 h ago from 4e5f6a7 with uncommitted changes)"
    )


def test_an_image_without_a_commit_has_an_age_only() -> None:
    assert wording.reuse(ami(BuiltAt="2026-11-20T12:00:00Z"), NOW) == "reuse ami-0a (built 3 days ago)"


@pytest.mark.parametrize(
    ("moment", "age"),
    [
        ("2026-11-23T11:59:30Z", "30 s ago"),
        ("2026-11-23T11:15:00Z", "45 min ago"),
        ("2026-11-22T12:00:00Z", "24 h ago"),
        ("2026-11-01T12:00:00Z", "22 days ago"),
        ("2026-11-23T13:00:00Z", "0 s ago"),
        ("2026-11-23T11:59:00", "60 s ago"),
        ("nonsense", "at an unknown time"),
    ],
)
def test_an_age_is_told_in_its_own_unit(moment: str, age: str) -> None:
    assert wording.age(moment, NOW) == age


def test_the_first_changes_are_named_and_the_others_counted() -> None:
    old = {"file_digests": dict.fromkeys("abcde", "file:1"), "variables": {"size": 1}}
    new = {"file_digests": dict.fromkeys("abcde", "file:2"), "variables": {"size": 2}}

    assert wording.why_changed(old, new) == "variable size changed, a changed, b changed and 3 more"


def test_an_equal_number_is_no_changed_variable() -> None:
    assert wording.why_changed({"variables": {"size": 2.0}}, {"variables": {"size": 2}}) == (
        "its fingerprint changed"
    )


def test_a_pin_that_goes_is_the_reason() -> None:
    assert wording.why_changed({"pinned_ami": "ami-0a"}, {"file_digests": {"a": "1"}}) == "no longer pinned"


def test_another_family_or_region_is_the_reason() -> None:
    assert wording.why_changed(
        {"family": "web", "region": "us-east-1"}, {"family": "worker", "region": "eu-west-1"}
    ) == ("family was web, region was us-east-1")


def test_without_aws_both_outcomes_are_said() -> None:
    assert wording.build_or_reuse("a changed", "Unable to locate credentials") == (
        "reuse or build: a changed; which of the two is not known, AWS could not be asked: "
        "Unable to locate credentials"
    )
    assert wording.reuse_or_refuse("app/a changed", "dev", "Throttling") == (
        "reuse: app/a changed; whether it succeeded in dev is not known, AWS could not be asked: Throttling"
    )
    assert wording.pinned("ami-0a", None, NOW, "Throttling") == (
        "pinned to ami-0a; it could not be looked at: Throttling"
    )
    assert wording.pinned("ami-0a", ami(), NOW) == "pinned to ami-0a (built 3 h ago)"


def test_the_commits_between_two_images_are_told_both_ways_and_ten_of_each_at_most() -> None:
    many = [LoggedCommit(sha=f"{number:040x}", subject=f"Change {number}") for number in range(12)]
    one = [LoggedCommit(sha="a" * 40, subject="Mend the page")]

    assert wording.commits_between("4e5f6a7b", [], one) == [
        "takes back 1 commit against 4e5f6a7:",
        "  aaaaaaa Mend the page",
    ]
    told = wording.commits_between("4e5f6a7b", many, [])
    assert told[0] == "brings 12 commits against 4e5f6a7:"
    assert told[-1] == "  and 2 more"
    assert len(told) == 12
    assert wording.commits_between("4e5f6a7b", [], []) == []
    assert "not known in this repository" in wording.commits_between("4e5f6a7b", None, one)[0]
