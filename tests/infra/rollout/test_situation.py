"""Where a group stands and what is advised, from plain values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import cast

import pytest

from infra.rollout.account import Account
from infra.rollout.advice import advise, describe_ended, describe_no_rollback
from infra.rollout.commands.status import _show as show
from infra.rollout.errors import RolloutError
from infra.rollout.looking import choose_name, find_previous_ami
from infra.rollout.situation import Situation
from infra.rollout.values import Fleet, Group, Image, Refresh, TargetHealth
from tests.infra.rollout.worlds import (
    NEW_AMI,
    OLD_AMI,
    TARGET,
    UNHEALTHY,
    group,
    instance,
    refresh,
)

HEALTHY = TargetHealth(state="healthy", reason="")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def situation(
    group: Group, *history: Refresh, bad: str = "", launched: str = NEW_AMI, failed_launch: str = ""
) -> Situation:
    """A group whose instances are healthy but for one."""
    names = [one.instance_id for one in group.instances]
    return Situation(
        region="eu-west-1",
        fleet=Fleet(group=group, health={name: UNHEALTHY if name == bad else HEALTHY for name in names}),
        target=TARGET,
        launched_ami=launched,
        previous_ami=OLD_AMI if launched == NEW_AMI else None,
        history=history,
        images={NEW_AMI: Image(name="web-app-2", commit="4e5f6a7b8c")},
        failed_launch=failed_launch,
    )


def test_a_group_is_steady_only_when_all_is_there_on_the_target_and_healthy() -> None:
    both = group(instance("a"), instance("b"))
    ended = refresh("Successful", 100)

    assert situation(both).state == "steady"
    assert situation(both, ended).state == "steady"
    assert situation(both, refresh("Baking", 100), ended).state == "refreshing"
    assert situation(both, bad="i-b").state == "astray"
    assert situation(group(instance("a"))).state == "astray"
    assert situation(group(instance("a"), instance("b", "1"))).state == "astray"


def test_programs_get_every_instance_and_the_last_five_refreshes() -> None:
    history = [refresh("Failed", refresh_id=f"r-{number}", started_at=NOON) for number in range(7)]
    mixed = situation(group(instance("a"), instance("b", "1")), *history, bad="i-b")

    plain = json.loads(json.dumps(mixed.plain(["do this"])))

    assert [one["is_on_target"] for one in plain["instances"]] == [True, False]
    assert plain["instances"][1]["target_health_reason"] == UNHEALTHY.reason
    assert [one["refresh_id"] for one in plain["refreshes"]] == ["r-0", "r-1", "r-2", "r-3", "r-4"]
    assert plain["refreshes"][0]["started_at"] == "2026-11-23T12:00:00+00:00"
    assert plain["target_image"] == {"ami_id": NEW_AMI, "name": "web-app-2", "commit": "4e5f6a7b8c"}
    assert plain["advice"] == ["do this"]


def test_a_refresh_that_goes_on_can_be_followed_turned_back_or_stopped() -> None:
    running = situation(group(instance("a"), instance("b", "1")), refresh("InProgress"), bad="i-a")

    advice = "\n".join(advise(running, " --region eu-west-1"))

    for command in ("watch", "rollback", "cancel"):
        assert f"python -m infra.rollout {command} web --region eu-west-1" in advice
    assert "i-a: unhealthy (Target.FailedHealthChecks" in advice


@pytest.mark.parametrize("status", ["Cancelling", "RollbackInProgress"])
def test_a_refresh_that_is_ending_can_only_be_followed(status: str) -> None:
    ending = situation(group(instance("a"), instance("b", "1")), refresh(status))

    assert advise(ending) == ["follow it to its end: python -m infra.rollout watch web"]


def test_a_refresh_that_waits_for_a_person_says_for_whom() -> None:
    held = instance("b", "1", lifecycle_state="Standby")
    waiting = situation(group(instance("a"), held), refresh("InProgress"))

    assert any(line.startswith("waits for i-b, which is in standby") for line in advise(waiting))


def test_instances_that_cannot_be_launched_are_told_with_awss_reason() -> None:
    short = situation(group(instance("a")), failed_launch="InsufficientInstanceCapacity")

    assert advise(short) == [
        "AWS cannot launch instances: InsufficientInstanceCapacity",
        f"go back to the image before: pulumi config set pinnedAmi {OLD_AMI}, then pulumi up",
    ]


def test_what_cannot_be_rolled_back_says_how_it_ended_and_what_goes_back() -> None:
    ended = refresh("Successful", 100, ended_at=NOON)

    line = describe_no_rollback(situation(group(instance("a"), instance("b")), ended))

    assert describe_ended(ended) in line
    assert "ended Successful at 2026-11-23 12:00:00 UTC" in line
    assert line.endswith(f"pulumi config set pinnedAmi {OLD_AMI}, then pulumi up")
    assert "AWS knows of none" in describe_no_rollback(situation(group(), launched=OLD_AMI))


def test_of_many_instances_those_that_are_not_well_are_shown_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = [instance(f"{number:03}") for number in range(1000)]
    large = situation(group(*many, desired=1000), bad="i-777")

    show(large, [])

    printed = capsys.readouterr().out
    rows = printed.split("Instance ")[1].splitlines()
    assert rows[1].startswith("i-777")
    assert "and 980 more, in service, healthy and on the target" in printed
    assert "999 healthy" in printed
    assert "not well: 999 of 1000 targets healthy; i-777 is unhealthy" in printed


def test_a_name_may_be_shortened_while_it_is_clear_whose_it_is() -> None:
    names = ["shop-dev-group-1a", "shop-prod-group-2b"]

    assert choose_name("prod", names, "eu-west-1") == "shop-prod-group-2b"
    with pytest.raises(RolloutError, match="part of the names of 2 groups in eu-west-1: shop-dev-group-1a, "):
        choose_name("shop", names, "eu-west-1")
    with pytest.raises(RolloutError, match="the nearest: shop-prod-group-2b"):
        choose_name("shop-prd-group", names, "eu-west-1")
    with pytest.raises(RolloutError, match=r"\(none\)"):
        choose_name("shop", [], "eu-west-1")


BAD_AMI, OLDER_AMI = "ami-bad", "ami-older"


class Versions:
    """An account in which each version of the launch template names one of these AMIs."""

    def __init__(self, *verified: str, **amis: str) -> None:
        self._verified = verified
        self._amis = {name.removeprefix("v"): ami_id for name, ami_id in amis.items()}

    def find_ami_of_version(self, _launch_template_id: str, version: str) -> str | None:
        return self._amis.get(version)

    def find_images(self, ami_ids: list[str]) -> dict[str, Image]:
        return {one: Image(name="", commit="", is_verified=one in self._verified) for one in ami_ids}


def previous(versions: Versions, now: str, *history: tuple[str, str]) -> str | None:
    """The AMI before that of version *now*, after refreshes to versions that ended so, the newest first."""
    ended = [refresh(status, launch_template_version=version) for version, status in history]
    at = group(version=now)
    return find_previous_ami(cast(Account, versions), at, ended, versions.find_ami_of_version("lt-1", now))


@pytest.mark.parametrize("ending", ["Failed", "RollbackSuccessful", "RollbackFailed"])
def test_an_image_that_failed_is_never_the_one_before(ending: str) -> None:
    versions = Versions(v4=OLDER_AMI, v5=OLD_AMI, v6=BAD_AMI, v7=OLD_AMI)
    pinned = [("7", "Successful"), ("6", ending), ("5", "Successful")]

    assert previous(versions, "7", *pinned) is None
    assert previous(versions, "7", *pinned, ("6", "Successful")) is None
    assert previous(versions, "7", *pinned, ("4", "Successful")) == OLDER_AMI


def test_an_image_that_a_person_kept_from_arriving_again_is_still_one_that_served() -> None:
    versions = Versions(v1=OLD_AMI, v2=NEW_AMI, v3=OLD_AMI)

    assert previous(versions, "2", ("3", "Cancelled"), ("2", "Successful")) is None
    assert previous(versions, "2", ("3", "Cancelled"), ("2", "Successful"), ("1", "Successful")) == OLD_AMI


def test_the_first_version_which_no_refresh_brought_counts_where_its_ami_says_that_it_succeeded() -> None:
    first_release = [("2", "Successful")]

    assert previous(Versions(v1=OLD_AMI, v2=NEW_AMI), "2", *first_release) is None
    assert previous(Versions(OLD_AMI, v1=OLD_AMI, v2=NEW_AMI), "2", *first_release) == OLD_AMI
    assert previous(Versions(OLD_AMI, v1=OLD_AMI, v2=NEW_AMI), "2", ("1", "Cancelled")) is None
    assert previous(Versions(OLD_AMI, v1=OLD_AMI), "1") is None
