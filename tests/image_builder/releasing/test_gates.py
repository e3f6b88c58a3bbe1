"""Which images a stack may run: held on an emulated EC2 by the provider's own check, diff and create."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from image_builder.bases.base_image import LOCK_FILE, BaseImageLock, LockedImage
from image_builder.errors import AmiError
from image_builder.provider import PackerImageProvider
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.templates import props_of, write_image

BUILT_AT = "2026-01-01T00:00:00Z"
EARLIER, LATER = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
BUILT = r"\(built \d+ days ago from 4e5f6a7\)"


class Host:
    """The provider in this process; what it printed is in `lines`."""

    def __init__(self, printed: pytest.CaptureFixture[str]) -> None:
        self._provider, self._printed = PackerImageProvider(), printed
        self._lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        """All lines, from the first."""
        self._lines += self._printed.readouterr().out.splitlines()
        return self._lines

    def check(self, news: Mapping[str, Any]) -> dict[str, list[str]]:
        """The reasons, by property."""
        reasons: dict[str, list[str]] = {}
        for failure in self._provider.check({}, dict(news)).failures:
            reasons.setdefault(failure.property, []).append(failure.reason)
        return reasons

    def checked(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The inputs that check hands on."""
        return self._provider.check(dict(olds or {}), dict(news)).inputs

    def diff(self, ami_id: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Whether there are changes, and what replaces."""
        told = self._provider.diff(ami_id, dict(olds), dict(news))
        return bool(told.changes), list(told.replaces or ())

    def create(self, props: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The id and the properties of a new image."""
        created = self._provider.create(dict(props))
        return created.id, created.outs or {}


@pytest.fixture
def host(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    """The provider, which has said nothing yet."""
    monkeypatch.setattr("image_builder.announcements._announced", set())
    return Host(capsys)


@pytest.fixture
def props(project: Path) -> dict[str, Any]:
    """The inputs of an image of the working tree."""
    return props_of(write_image(project / "images/tiny").relative_to(project))


def register(ec2: EmulatedEc2, name: str, fingerprint: str, in_region: str = "us-east-1", **tags: str) -> str:
    """The id of an image of the family."""
    return ec2.register(
        name,
        in_region=in_region,
        **{
            "Built-By": "packer",
            "ImageFamily": "tiny",
            "ImageFingerprint": fingerprint,
            "GitCommit": "4e5f6a7",
            "BuiltAt": BUILT_AT,
            **tags,
        },
    )


def test_an_image_that_succeeded_where_it_has_to_is_reused(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    ami_id = register(ec2, "one", props["fingerprint"], **{"VerifiedIn:dev": EARLIER})
    wanted = {**props, "require_verified_in": "dev"}

    assert host.check(wanted) == {}
    created, outs = host.create(host.checked(wanted))

    assert (created, outs["origin"]) == (ami_id, "reused")


def test_one_that_did_not_is_refused_in_a_line_that_says_what_runs_there(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    register(ec2, "new", props["fingerprint"])
    register(ec2, "older", "e" * 64, **{"VerifiedIn:dev": EARLIER})
    runs = register(ec2, "old", "f" * 64, **{"VerifiedIn:dev": LATER})
    wanted = {**props, "require_verified_in": "dev"}

    reasons = host.check(wanted)

    assert re.fullmatch(
        f"no image of fingerprint {props['fingerprint'][:12]} has succeeded in dev · one that did was "
        f"expected, and dev runs {runs} {BUILT} · run pulumi up --stack dev with these files, then this "
        "again",
        reasons["require_verified_in"][0],
    )


def test_where_nothing_has_succeeded_yet_that_is_said_and_nothing_is_built(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    wanted = {**props, "require_verified_in": "dev"}

    assert "and nothing has succeeded in dev yet" in host.check(wanted)["require_verified_in"][0]
    with pytest.raises(AmiError) as failure:
        host.create(wanted)

    assert "has succeeded in dev" in str(failure.value)
    assert ec2.client().describe_images(Owners=["self"])["Images"] == []


def test_the_one_of_two_images_of_a_fingerprint_that_succeeded_is_the_one_that_is_told_and_used(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    other = register(ec2, "one", props["fingerprint"], Verified=LATER)
    succeeded = register(ec2, "two", props["fingerprint"], **{"VerifiedIn:dev": EARLIER})
    wanted = {**props, "require_verified_in": "dev"}

    assert host.create(host.checked(wanted))[0] == succeeded
    assert any(f"reuse {succeeded} " in line for line in host.lines)
    assert not any("not verified yet" in line for line in host.lines)
    # A stack that got the other one before it had a gate does not keep it.
    assert host.diff(other, {**props, "ami_id": other}, wanted) == (True, ["ami_id"])
    assert host.diff(succeeded, {**props, "ami_id": succeeded}, wanted) == (False, [])


def test_a_pin_to_what_succeeded_earlier_needs_nothing_more(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    register(ec2, "new", props["fingerprint"], **{"VerifiedIn:dev": LATER})
    old = register(ec2, "old", "f" * 64, **{"VerifiedIn:dev": EARLIER})
    pinned = {**props, "require_verified_in": "dev", "pinned_ami": old}

    assert host.check(pinned) == {}
    assert host.create(host.checked(pinned))[1]["origin"] == "pinned"


def test_an_image_that_is_revoked_since_it_succeeded_is_refused(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    ami_id = register(ec2, "one", props["fingerprint"], **{"VerifiedIn:dev": EARLIER, "Revoked": "it leaks"})

    (reason,) = host.check({**props, "require_verified_in": "dev"})["require_verified_in"]

    assert f" can be used: {ami_id} is Revoked: it leaks · " in reason


def test_a_pin_needs_that_success_too_except_in_an_emergency(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    ami_id = register(ec2, "old", "f" * 64)
    pinned = {**props, "require_verified_in": "dev", "pinned_ami": ami_id}

    (reason,) = host.check(pinned)["pinned_ami"]
    with pytest.raises(AmiError, match="has not succeeded in dev"):
        host.create(pinned)

    assert reason == (
        f"{ami_id} (old) has not succeeded in dev · an image that did was expected, and nothing has "
        "succeeded in dev yet · pin one that did; in an emergency, pulumi config set allowUnverifiedPin true"
    )
    emergency = host.checked({**pinned, "allow_unverified_pin": True})
    assert host.create(emergency)[1]["origin"] == "pinned"


def test_the_image_that_succeeded_last_is_promoted_whatever_the_working_tree_holds(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    register(ec2, "own", props["fingerprint"])
    register(ec2, "older", "d" * 64, **{"VerifiedIn:dev": EARLIER})
    newest = register(ec2, "newest", "e" * 64, **{"VerifiedIn:dev": LATER})
    register(ec2, "elsewhere", "f" * 64, **{"VerifiedIn:test": LATER})
    Path(props["folder"], "template.pkr.hcl").write_text("broken {")

    promoted = host.checked({**props, "promote_from": "dev"})
    ami_id, outs = host.create(promoted)

    assert (ami_id, outs["origin"], outs["fingerprint"]) == (newest, "promoted", "e" * 64)
    assert promoted["promoted_ami"] == newest
    assert "file_digests" not in promoted
    assert re.fullmatch(f"image tiny: promoted from dev: {newest} {BUILT}", host.lines[0])


def test_a_tag_without_a_time_is_no_later_success(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    register(ec2, "by-hand", "d" * 64, **{"VerifiedIn:dev": "yes"})
    rolled_out = register(ec2, "rolled-out", "e" * 64, **{"VerifiedIn:dev": EARLIER})

    assert host.checked({**props, "promote_from": "dev"})["promoted_ami"] == rolled_out


def test_a_promoted_image_passes_the_gate_only_where_it_succeeded_too(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    ami_id = register(ec2, "one", "d" * 64, **{"VerifiedIn:test": EARLIER})
    wanted = {**props, "promote_from": "test", "require_verified_in": "dev"}

    (reason,) = host.check(wanted)["promote_from"]
    assert "has not succeeded in dev · " in reason
    ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "VerifiedIn:dev", "Value": EARLIER}])

    assert host.checked(wanted)["promoted_ami"] == ami_id


def test_a_later_success_is_a_change_and_edits_are_none(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    first = register(ec2, "first", "d" * 64, **{"VerifiedIn:dev": EARLIER})
    wanted = {**props, "promote_from": "dev"}
    _, olds = host.create(host.checked(wanted))

    assert host.diff(first, olds, host.checked({**wanted, "fingerprint": "0" * 64}, olds)) == (False, [])
    register(ec2, "second", "e" * 64, **{"VerifiedIn:dev": LATER})

    assert host.diff(first, olds, host.checked(wanted, olds)) == (True, ["promoted_ami"])


def test_a_promotion_is_refused_where_nothing_has_succeeded(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    register(ec2, "elsewhere", "d" * 64, **{"VerifiedIn:test": EARLIER})

    (reason,) = host.check({**props, "promote_from": "dev"})["promote_from"]

    assert reason == (
        "no image has succeeded in dev · an image of tiny with the tag VerifiedIn:dev was expected in "
        "us-east-1 · run pulumi up --stack dev, then this again"
    )


def test_a_promoted_image_that_is_revoked_before_the_update_is_refused(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    ami_id = register(ec2, "one", "d" * 64, **{"VerifiedIn:dev": EARLIER})
    promoted = host.checked({**props, "promote_from": "dev"})
    ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "Revoked", "Value": "it leaks"}])

    with pytest.raises(AmiError) as failure:
        host.create(promoted)

    assert f"{ami_id} (one), which succeeded last in dev, is Revoked: it leaks · " in str(failure.value)


def test_no_older_image_is_promoted_instead_of_a_revoked_one(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    register(ec2, "one", "d" * 64, **{"VerifiedIn:dev": EARLIER})
    revoked = register(ec2, "two", "e" * 64, **{"VerifiedIn:dev": LATER, "Revoked": "it leaks"})

    (reason,) = host.check({**props, "promote_from": "dev"})["promote_from"]

    assert reason == (
        f"{revoked} (two), which succeeded last in dev, is Revoked: it leaks · an image that may be used was "
        "expected · run pulumi up --stack dev, which replaces it, then this again, or go back to one that "
        "succeeded earlier: pulumi config set pinnedAmi AMI"
    )


def test_a_pin_wins_over_a_promotion(ec2: EmulatedEc2, host: Host, props: dict[str, Any]) -> None:
    register(ec2, "newest", "e" * 64, **{"VerifiedIn:dev": LATER})
    old = register(ec2, "old", "d" * 64)

    pinned = host.checked({**props, "promote_from": "dev", "pinned_ami": old})

    assert host.create(pinned)[1]["origin"] == "pinned"
    assert "promoted_ami" not in pinned


def test_a_promotion_names_the_commits_that_it_brings(
    ec2: EmulatedEc2, host: Host, project: Path, props: dict[str, Any]
) -> None:
    running, next_one = commit(project, "Begin"), commit(project, "Mend the page")
    old = register(ec2, "old", "d" * 64, **{"VerifiedIn:dev": EARLIER, "GitCommit": running})
    wanted = {**props, "promote_from": "dev"}
    _, olds = host.create(host.checked(wanted))
    register(ec2, "new", "e" * 64, **{"VerifiedIn:dev": LATER, "GitCommit": next_one})

    host.diff(old, olds, host.checked(wanted, olds))

    told = "\n".join(host.lines)
    assert (
        f"image tiny: brings 1 commit against {running[:7]}:\nimage tiny:   {next_one[:7]} Mend the page"
        in told
    )


def commit(project: Path, subject: str) -> str:
    """The new commit of everything in *project*."""
    if not (project / ".git").exists():
        git(project, "init", "--quiet")
    (project / "images/tiny/note").write_text(subject)
    git(project, "add", "--all")
    git(project, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", subject)
    return git(project, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("choice", ["require_verified_in", "promote_from"])
def test_a_copy_in_another_region_succeeded_where_its_original_did(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any], choice: str
) -> None:
    original = register(ec2, "one", props["fingerprint"])
    copied_from = {"CopiedFrom": f"us-east-1/{original}"}
    copy = register(ec2, "copy", props["fingerprint"], in_region="eu-west-1", **copied_from)
    wanted = {**props, "region": "eu-west-1", choice: "dev"}

    (refusal,) = host.check(wanted)[choice]
    ec2.client().create_tags(Resources=[original], Tags=[{"Key": "VerifiedIn:dev", "Value": LATER}])

    assert "succeeded in dev" in refusal
    assert host.create(host.checked(wanted))[0] == copy


def test_a_copy_that_is_used_already_stays_past_the_gate_when_its_original_is_gone(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    original = register(ec2, "one", props["fingerprint"], **{"VerifiedIn:dev": EARLIER})
    copied_from = {"CopiedFrom": f"us-east-1/{original}"}
    copy = register(ec2, "copy", props["fingerprint"], in_region="eu-west-1", **copied_from)
    wanted = host.checked({**props, "region": "eu-west-1", "require_verified_in": "dev"})
    assert "VerifiedIn:dev" not in ec2.tags_of(copy, region="eu-west-1")
    _, outs = host.create(wanted)

    assert ec2.tags_of(copy, region="eu-west-1")["VerifiedIn:dev"] == EARLIER
    ec2.client().deregister_image(ImageId=original)

    assert host.diff(copy, outs, wanted) == (False, [])
    assert host.create(host.checked(wanted))[0] == copy


def test_a_copy_of_a_copy_succeeded_where_the_first_original_did(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    original = register(ec2, "one", props["fingerprint"], **{"VerifiedIn:dev": EARLIER})
    copied_from = {"CopiedFrom": f"us-east-1/{original}"}
    between = register(ec2, "copy", props["fingerprint"], in_region="eu-north-1", **copied_from)
    copied_from = {"CopiedFrom": f"eu-north-1/{between}"}
    copy = register(ec2, "copy", props["fingerprint"], in_region="eu-west-1", **copied_from)

    wanted = host.checked({**props, "region": "eu-west-1", "require_verified_in": "dev"})

    assert host.create(wanted)[0] == copy


def test_the_last_success_counts_be_it_of_a_copy_or_of_its_original(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    original = register(ec2, "one", "e" * 64, **{"VerifiedIn:dev": LATER})
    copied_from = {"CopiedFrom": f"us-east-1/{original}", "VerifiedIn:dev": BUILT_AT}
    again = register(ec2, "copy", "e" * 64, in_region="eu-west-1", **copied_from)
    register(ec2, "other", "f" * 64, in_region="eu-west-1", **{"VerifiedIn:dev": EARLIER})

    promoted = host.checked({**props, "region": "eu-west-1", "promote_from": "dev"})
    host.create(promoted)

    assert promoted["promoted_ami"] == again
    assert ec2.tags_of(again, region="eu-west-1")["VerifiedIn:dev"] == LATER


def test_an_image_is_refused_where_its_base_is_not_locked_unless_it_is_there_already(
    ec2: EmulatedEc2, host: Host, props: dict[str, Any]
) -> None:
    base = LockedImage(ami_id=BASE_IMAGE, name="base", owner_id="1", created_at=BUILT_AT)
    lock = BaseImageLock(found_by={}, images={"us-east-1": {"x86_64": base}})
    (Path(props["folder"]) / LOCK_FILE).write_text(lock.to_text())
    wanted = {**props, "region": "eu-west-1"}

    assert host.check(wanted)["region"] == [
        "base-image.lock.json has no base image for eu-west-1 · it has some for us-east-1 · "
        "run python -m image_builder lock --region eu-west-1"
    ]
    register(ec2, "copy", props["fingerprint"], in_region="eu-west-1")
    assert host.check(wanted) == {}
