"""`revoke` and `restore`, against an emulated EC2."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.client
import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from image_builder.releasing.revocation import read_revocation
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.test_list_images import start_group

NOT_OURS = "ami-00000000000000001"
ELSEWHERE = "eu-west-1"


@pytest.fixture
def golden(ec2: EmulatedEc2) -> str:
    """A golden image of ours, built on the public base."""
    return ec2.register("golden-1", **ours(BASE_IMAGE, "golden"))


@pytest.fixture
def web(ec2: EmulatedEc2, golden: str) -> str:
    """An image that is built on the golden one."""
    return ec2.register("web-1", **ours(golden, "web"))


@pytest.fixture
def child(ec2: EmulatedEc2, web: str) -> str:
    """And one that is built on that."""
    return ec2.register("child-1", **ours(web, "child"))


def ours(base: str, family: str) -> dict[str, str]:
    return {"Built-By": "packer", "ImageFamily": family, "SourceAmi": base}


def revoked(ec2: EmulatedEc2, *ami_ids: str) -> list[str]:
    """The Revoked tag of each, without its time and name; `-` for none."""
    values = [ec2.tags_of(ami_id).get("Revoked") for ami_id in ami_ids]
    return ["-" if value is None else value.partition(" by moto: ")[2] or value for value in values]


def revoke(ami_id: str, *more: str, reason: str = "CVE-1") -> int:
    return main(["revoke", ami_id, "--reason", reason, *more])


def test_an_image_is_revoked_with_all_that_is_built_on_it(
    ec2: EmulatedEc2, golden: str, web: str, child: str
) -> None:
    other = ec2.register("other-1", **ours(BASE_IMAGE, "other"))
    before = datetime.now(UTC) - timedelta(seconds=1)

    assert revoke(golden) == Exit.DONE

    because = f"because its base {golden} is: CVE-1"
    assert revoked(ec2, golden, web, child, other) == ["CVE-1", because, because, "-"]
    revocation = read_revocation(ec2.tags_of(golden)["Revoked"])
    assert revocation.by == "moto"
    assert revocation.at is not None
    assert before <= revocation.at <= datetime.now(UTC)


def test_it_is_told_who_still_runs_what_and_what_to_do(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_group(ec2, web, "web-prod", 2)
    ec2.client().run_instances(ImageId=golden, MinCount=1, MaxCount=1)

    assert revoke(golden) == Exit.DONE

    printed = capsys.readouterr().out
    assert f"  web-prod still runs {web}: 2 instances\n" in printed
    assert f"  no group has 1 instance of {golden}: replace by hand\n" in printed
    assert "run pulumi up in the stack of each group" in printed
    assert "us-east-1: 2 revoked, 0 restored, 0 unchanged" in printed


def test_programs_are_told_the_same(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_group(ec2, web, "web-prod", 2)

    assert revoke(golden, "--json", "--at", "2026-01-02T12:00:00+01:00") == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert (told["at"], told["by"], told["reason"]) == ("2026-01-02T11:00:00Z", "moto", "CVE-1")
    assert told["is_in_force"]
    assert not told["is_dry_run"]
    assert [(image["ami_id"], image["outcome"]) for image in told["images"]] == [
        (golden, "revoked"),
        (web, "revoked"),
    ]
    assert told["images"][1]["runs_in"] == {"groups": {"web-prod": 2}, "without_group": 0}


def test_a_base_of_somebody_else_is_revoked_with_ours_and_its_advice_begins_with_the_lock(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_group(ec2, web, "web-prod", 1)

    assert revoke(BASE_IMAGE) == Exit.DONE

    because = f"because its base {BASE_IMAGE} is: CVE-1"
    assert revoked(ec2, BASE_IMAGE, golden, web) == ["CVE-1", because, because]
    assert "lock another base: python -m image_builder lock" in capsys.readouterr().out


def test_what_is_built_on_a_base_that_is_gone_is_revoked_and_restored(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    web = ec2.register("web-1", **ours(NOT_OURS, "web"))

    assert revoke(NOT_OURS) == Exit.DONE

    assert revoked(ec2, web) == [f"because its base {NOT_OURS} is: CVE-1"]
    assert f"{NOT_OURS} is deregistered, or not shared" in capsys.readouterr().out
    assert revoke(NOT_OURS, reason="another") == Exit.DONE
    assert revoked(ec2, web) == [f"because its base {NOT_OURS} is: CVE-1"]
    assert main(["restore", NOT_OURS]) == Exit.DONE
    assert revoked(ec2, web) == ["-"]


def test_an_image_that_is_revoked_already_stays_as_it_is(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    revoke(golden)
    values = ec2.tags_of(golden)["Revoked"], ec2.tags_of(web)["Revoked"]
    capsys.readouterr()

    assert revoke(golden, reason="something else") == Exit.DONE

    assert (ec2.tags_of(golden)["Revoked"], ec2.tags_of(web)["Revoked"]) == values
    assert "0 revoked, 0 restored, 2 unchanged" in capsys.readouterr().out


def test_a_moment_to_come_may_be_moved_until_it_is_there(ec2: EmulatedEc2, golden: str, web: str) -> None:
    assert revoke(golden, "--at", "+30d") == Exit.DONE
    at = read_revocation(ec2.tags_of(web)["Revoked"]).at
    assert at is not None
    assert timedelta(days=29) < at - datetime.now(UTC) < timedelta(days=31)

    assert revoke(golden, reason="CVE-2") == Exit.DONE

    assert revoked(ec2, golden, web) == ["CVE-2", f"because its base {golden} is: CVE-2"]
    assert revoke(golden, "--at", "+30d") == Exit.DONE
    assert revoked(ec2, golden) == ["CVE-2"]


def test_a_dry_run_tells_and_changes_nothing(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revoke(golden, "--dry-run") == Exit.FOUND

    assert revoked(ec2, golden, web) == ["-", "-"]
    assert "2 would be revoked, 0 would be restored" in capsys.readouterr().out
    revoke(golden)
    assert revoke(golden, "--dry-run") == Exit.DONE
    assert main(["restore", golden, "--dry-run"]) == Exit.FOUND
    assert "-" not in revoked(ec2, golden, web)


def test_a_revocation_that_was_interrupted_is_finished_by_the_same_command(
    ec2: EmulatedEc2, golden: str, web: str, child: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(monkeypatch, "CreateTags", 1)
    assert revoke(golden) == Exit.INTERRUPTED
    monkeypatch.undo()
    use(ec2, monkeypatch)
    assert revoked(ec2, golden, web, child) == ["CVE-1", "-", "-"]

    assert revoke(golden, reason="typed anew") == Exit.DONE

    because = f"because its base {golden} is: CVE-1"
    assert revoked(ec2, golden, web, child) == ["CVE-1", because, because]


def test_a_restoration_that_was_interrupted_is_finished_by_the_same_command(
    ec2: EmulatedEc2, golden: str, web: str, child: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoke(golden)
    interrupt_after(monkeypatch, "DeleteTags", 1)
    assert main(["restore", golden]) == Exit.INTERRUPTED
    monkeypatch.undo()
    use(ec2, monkeypatch)
    assert revoked(ec2, golden, web, child) == ["CVE-1", "-", "-"]

    assert main(["restore", golden]) == Exit.DONE

    assert revoked(ec2, golden, web, child) == ["-", "-", "-"]


def test_only_what_was_revoked_because_of_an_image_is_restored_with_it(
    ec2: EmulatedEc2, golden: str, web: str, child: str, capsys: pytest.CaptureFixture[str]
) -> None:
    revoke(web, reason="its own fault")
    revoke(golden)
    assert revoked(ec2, web, child) == ["its own fault", f"because its base {web} is: its own fault"]

    assert main(["restore", golden]) == Exit.DONE

    assert revoked(ec2, golden, web) == ["-", "its own fault"]
    assert revoked(ec2, child) == [f"because its base {web} is: its own fault"]
    assert "1 restored" in capsys.readouterr().out


def test_an_image_stays_revoked_when_another_of_its_bases_is(
    ec2: EmulatedEc2, golden: str, web: str, child: str
) -> None:
    revoke(web, reason="its own fault")
    revoke(golden)

    assert main(["restore", web]) == Exit.DONE

    because = f"because its base {golden} is: CVE-1"
    assert revoked(ec2, golden, web, child) == ["CVE-1", because, because]


def test_an_image_is_not_restored_without_its_base(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    revoke(golden)
    capsys.readouterr()

    assert main(["restore", web]) == Exit.FAILED

    (line,) = capsys.readouterr().err.splitlines()
    assert f"because its base {golden} is: CVE-1" in line
    assert line.endswith(f"python -m image_builder restore {golden}")
    assert "-" not in revoked(ec2, golden, web)


def test_what_is_rejected_or_not_revoked_is_not_restored(
    ec2: EmulatedEc2, golden: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rejected = ec2.register("web-1", **ours(golden, "web"), Rejected="unfit", Revoked="by hand")

    assert main(["restore", rejected]) == Exit.FAILED
    assert f"{rejected} is Rejected: unfit · " in capsys.readouterr().err
    assert revoked(ec2, rejected) == ["by hand"]
    assert main(["restore", golden]) == Exit.FAILED
    assert capsys.readouterr().err == f"{golden} is not revoked · a revoked image was expected\n"


def test_a_revocation_written_by_hand_is_taken_back_with_what_follows_from_it(
    ec2: EmulatedEc2, web: str, golden: str
) -> None:
    ec2.client().create_tags(Resources=[golden], Tags=[{"Key": "Revoked", "Value": "whatever"}])
    assert revoke(golden) == Exit.DONE
    assert revoked(ec2, golden, web) == ["whatever", f"because its base {golden} is: whatever"]

    assert main(["restore", golden]) == Exit.DONE

    assert revoked(ec2, golden, web) == ["-", "-"]


def test_an_unknown_image_and_one_that_is_not_ours_are_refused(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = ec2.register("somebody's")

    assert revoke(NOT_OURS) == Exit.FAILED
    assert "does not exist in us-east-1" in capsys.readouterr().err
    assert main(["restore", NOT_OURS]) == Exit.FAILED
    assert "does not exist in us-east-1" in capsys.readouterr().err
    assert revoke(foreign) == Exit.FAILED
    assert capsys.readouterr().err.startswith(f"{foreign} (somebody's) is neither built by this program nor")
    assert revoked(ec2, foreign) == ["-"]
    assert revoke(foreign, "--base") == Exit.DONE
    assert revoked(ec2, foreign) == ["CVE-1"]


def test_a_reason_that_does_not_fit_changes_nothing(
    ec2: EmulatedEc2, golden: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revoke(golden, reason="x" * 250) == Exit.FAILED

    assert "the reason has 250 characters" in capsys.readouterr().err
    assert revoked(ec2, golden) == ["-"]


@pytest.mark.parametrize(
    "at",
    [
        "tomorrow",
        "2026-13-01",
        "+3x",
        "",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
        "2026-12-01T24:30",
    ],
)
def test_a_moment_that_is_none_is_wrong_usage(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        revoke(BASE_IMAGE, "--at", at)

    assert ended.value.code == Exit.USAGE
    assert "a day, a time or a period was expected" in capsys.readouterr().err


def test_thousands_of_images_are_revoked_in_few_calls(
    ec2: EmulatedEc2, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_builder.registry.tagging._IDS_PER_REQUEST", 4)
    ids = [ec2.register(f"web-{number}", **ours(golden, "web")) for number in range(5)]
    calls: list[str] = []
    ask = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def count(self: Any, action: str, parameters: Any) -> Any:
        calls.append(action)
        return ask(self, action, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", count)

    assert revoke(golden) == Exit.DONE

    assert calls.count("CreateTags") == 3
    # Whom an image is shared with takes one for each.
    assert calls.count("DescribeImageAttribute") == 6
    assert len(calls) == 9 + 6
    assert "-" not in revoked(ec2, ids[0], ids[-1])


def interrupt_after(monkeypatch: pytest.MonkeyPatch, action: str, most: int) -> None:
    """Interrupt the command at the call of *action* that follows *most* of them."""
    ask = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    calls: list[str] = []

    def count(self: Any, asked: str, parameters: Any) -> Any:
        calls.append(asked)
        if calls.count(action) > most:
            raise KeyboardInterrupt
        return ask(self, asked, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", count)


def use(ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ec2.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def copy(ec2: EmulatedEc2, web: str) -> str:
    """A copy of `web` in another region."""
    copy = ec2.register(
        "web-1", in_region=ELSEWHERE, CopiedFrom=f"us-east-1/{web}", **ours(BASE_IMAGE, "web")
    )
    ec2.client().create_tags(Resources=[web], Tags=[{"Key": f"CopiedTo:{ELSEWHERE}", "Value": copy}])
    return copy


def revoked_elsewhere(ec2: EmulatedEc2, copy: str, region: str = ELSEWHERE) -> list[str]:
    """The values of a copy's Revoked tags, without their times and names."""
    tags = sorted(ec2.tags_of(copy, region=region).items())
    return [value.partition(" by moto: ")[2] or value for key, value in tags if key.startswith("Revoked")]


def test_copies_are_revoked_and_restored_with_their_originals(
    ec2: EmulatedEc2, golden: str, web: str, copy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revoke(golden) == Exit.DONE
    assert revoked_elsewhere(ec2, copy) == [f"because its original {web} is: CVE-1"]
    printed = capsys.readouterr().out
    assert re.search(rf"{copy} +web-1 in {ELSEWHERE} +- +revoked ", printed)
    assert "us-east-1: 3 revoked, 0 restored, 0 unchanged" in printed

    assert main(["restore", golden]) == Exit.DONE
    assert "Revoked" not in ec2.tags_of(copy, region=ELSEWHERE)
    assert "us-east-1: 0 revoked, 3 restored, 0 unchanged" in capsys.readouterr().out


def test_a_copy_that_was_not_reached_is_by_the_same_command(ec2: EmulatedEc2, web: str, copy: str) -> None:
    assert revoke(web) == Exit.DONE
    ec2.client(ELSEWHERE).delete_tags(Resources=[copy], Tags=[{"Key": "Revoked"}])

    assert revoke(web) == Exit.DONE

    assert revoked_elsewhere(ec2, copy) == [f"because its original {web} is: CVE-1"]


def test_a_dry_run_leaves_copies_alone(ec2: EmulatedEc2, web: str, copy: str) -> None:
    assert revoke(web, "--dry-run") == Exit.FOUND

    assert "Revoked" not in ec2.tags_of(copy, region=ELSEWHERE)


def test_a_revocation_of_a_copys_own_outlives_that_of_its_original(
    ec2: EmulatedEc2, web: str, copy: str
) -> None:
    own = "2026-01-01T00:00:00Z by eve: broken in Ireland"
    ec2.client(ELSEWHERE).create_tags(Resources=[copy], Tags=[{"Key": "Revoked", "Value": own}])

    assert revoke(web) == Exit.DONE
    assert main(["restore", web]) == Exit.DONE

    assert ec2.tags_of(copy, region=ELSEWHERE)["Revoked"] == own


def test_a_revocation_to_come_shields_an_image_from_none_of_its_base_now(
    ec2: EmulatedEc2, golden: str, web: str, child: str
) -> None:
    revoke(web, "--at", "+30d", reason="end of life")

    assert revoke(golden) == Exit.DONE

    because = f"because its base {golden} is: CVE-1"
    assert revoked(ec2, golden, web, child) == ["CVE-1", because, because]
    assert main(["restore", golden]) == Exit.DONE
    assert revoked(ec2, golden, web) == ["-", "end of life"]
    assert revoked(ec2, child) == [f"because its base {web} is: end of life"]
    assert "Revoked:2" not in {**ec2.tags_of(web), **ec2.tags_of(child)}


def test_an_own_revocation_is_taken_back_while_that_of_the_base_stays(
    ec2: EmulatedEc2, golden: str, web: str
) -> None:
    revoke(web, "--at", "+30d", reason="end of life")
    revoke(golden)

    assert main(["restore", web]) == Exit.DONE

    assert revoked(ec2, web) == [f"because its base {golden} is: CVE-1"]
    assert "Revoked:2" not in ec2.tags_of(web)


@pytest.fixture
def second_copy(ec2: EmulatedEc2, copy: str) -> str:
    """A copy of that copy, in a third region."""
    second = ec2.register("web-1", in_region="eu-north-1", CopiedFrom=f"{ELSEWHERE}/{copy}")
    ec2.client(ELSEWHERE).create_tags(
        Resources=[copy], Tags=[{"Key": "CopiedTo:eu-north-1", "Value": second}]
    )
    return second


def test_copies_of_copies_and_what_is_built_on_them_follow_too(
    ec2: EmulatedEc2, web: str, copy: str, second_copy: str
) -> None:
    built = ec2.register("built", in_region="eu-north-1", **ours(second_copy, "child"))

    assert revoke(web) == Exit.DONE

    assert revoked_elsewhere(ec2, copy) == [f"because its original {web} is: CVE-1"]
    assert revoked_elsewhere(ec2, second_copy, "eu-north-1") == [f"because its original {copy} is: CVE-1"]
    assert revoked_elsewhere(ec2, built, "eu-north-1") == [f"because its base {second_copy} is: CVE-1"]
    assert main(["restore", web]) == Exit.DONE
    assert revoked_elsewhere(ec2, copy) == []
    assert revoked_elsewhere(ec2, second_copy, "eu-north-1") == []
    assert revoked_elsewhere(ec2, built, "eu-north-1") == []


def test_a_copy_is_not_restored_without_its_original_unless_that_is_gone(
    ec2: EmulatedEc2, web: str, copy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    revoke(web)
    capsys.readouterr()

    assert main(["restore", copy, "--region", ELSEWHERE]) == Exit.FAILED

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"restore its original: python -m image_builder restore {web} --region us-east-1")
    assert revoked_elsewhere(ec2, copy) == [f"because its original {web} is: CVE-1"]
    ec2.client().deregister_image(ImageId=web)
    assert main(["restore", copy, "--region", ELSEWHERE]) == Exit.DONE
    assert revoked_elsewhere(ec2, copy) == []


def test_a_copys_own_revocation_to_come_waits_behind_that_of_its_original(
    ec2: EmulatedEc2, web: str, copy: str
) -> None:
    assert revoke(copy, "--at", "+30d", "--region", ELSEWHERE, reason="end of life") == Exit.DONE
    assert revoke(web) == Exit.DONE
    of_original = f"because its original {web} is: CVE-1"
    assert revoked_elsewhere(ec2, copy) == [of_original, "end of life"]

    assert main(["restore", copy, "--region", ELSEWHERE]) == Exit.DONE
    assert revoked_elsewhere(ec2, copy) == [of_original]
    assert main(["restore", web]) == Exit.DONE
    assert revoked_elsewhere(ec2, copy) == []


def test_a_copy_that_has_the_very_words_of_its_original_follows_it(
    ec2: EmulatedEc2, web: str, copy: str
) -> None:
    words = "2026-01-01T00:00:00Z by moto: CVE-0"
    for region, ami_id in (("us-east-1", web), (ELSEWHERE, copy)):
        ec2.client(region).create_tags(Resources=[ami_id], Tags=[{"Key": "Revoked", "Value": words}])

    assert main(["restore", copy, "--region", ELSEWHERE]) == Exit.FAILED
    assert main(["restore", web]) == Exit.DONE

    assert revoked_elsewhere(ec2, copy) == []


def share(ec2: EmulatedEc2, ami_id: str, account: str) -> None:
    ec2.client().modify_image_attribute(ImageId=ami_id, LaunchPermission={"Add": [{"UserId": account}]})


def launchers(ec2: EmulatedEc2, ami_id: str) -> list[Any]:
    told = ec2.client().describe_image_attribute(ImageId=ami_id, Attribute="launchPermission")
    return told["LaunchPermissions"]


def test_accounts_that_can_launch_what_is_revoked_are_named_and_lose_it_when_asked(
    ec2: EmulatedEc2, golden: str, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    share(ec2, web, "111122223333")

    assert revoke(golden) == Exit.DONE

    assert f"  {web} is shared with 111122223333, where it can be launched on: " in capsys.readouterr().out
    assert launchers(ec2, web) == [{"UserId": "111122223333"}]
    assert revoke(golden, "--unshare", "--dry-run") == Exit.DONE
    assert f"  {web} would be shared with 111122223333 no longer" in capsys.readouterr().out
    assert revoke(golden, "--unshare", "--json") == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert {image["ami_id"]: image["shared_with"] for image in told["images"]} == {
        golden: [],
        web: ["111122223333"],
    }
    assert launchers(ec2, web) == []


def test_what_is_revoked_later_stays_shared_until_then(ec2: EmulatedEc2, web: str) -> None:
    share(ec2, web, "111122223333")

    assert revoke(web, "--at", "+30d", "--unshare") == Exit.DONE

    assert launchers(ec2, web) == [{"UserId": "111122223333"}]
