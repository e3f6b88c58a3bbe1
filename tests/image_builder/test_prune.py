"""`prune`, against an emulated EC2: what goes, what stays, and what a second run finishes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from image_builder.__main__ import main
from image_builder.amis import Amis
from image_builder.commands.common import Exit
from image_builder.registry.launching import Launching, launching_of
from image_builder.releasing import sharing
from image_builder.retention import gathering, pruning, removal
from tests.image_builder import sample_reports
from tests.image_builder.emulated_ec2 import EmulatedEc2
from tests.image_builder.recorded_images import bare_image
from tests.image_builder.test_list_images import start_group

NEWEST = "web-newest"
OURS = {"Built-By": "packer", "ImageFamily": "web", "BuiltAt": "2026-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def _checkout(ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """The commands run in a checkout of family web, whose newest image always stays.

    The emulated Auto Scaling knows no instance refreshes.
    """
    (project / "Pulumi.yaml").write_text("name: shop\nconfig:\n  imageFamily: web\n")
    monkeypatch.setattr(gathering, "find_running", lambda *_: None)
    ec2.register(NEWEST, **{**OURS, "BuiltAt": "2026-02-01T00:00:00Z"})


def images(ec2: EmulatedEc2) -> set[str]:
    """All but the newest."""
    found = ec2.client().describe_images(Owners=["self"])["Images"]
    return {image["ImageId"] for image in found if image["Name"] != NEWEST}


def snapshots_of(ec2: EmulatedEc2, ami_id: str) -> list[str]:
    image = ec2.client().describe_images(ImageIds=[ami_id])["Images"][0]
    return [device["Ebs"]["SnapshotId"] for device in image["BlockDeviceMappings"]]


def snapshots(ec2: EmulatedEc2) -> set[str]:
    return {one["SnapshotId"] for one in ec2.client().describe_snapshots(OwnerIds=["self"])["Snapshots"]}


def old_image(ec2: EmulatedEc2, name: str, **tags: str) -> str:
    return bare_image(ec2, name, {**OURS, **tags})


def pruned(capsys: pytest.CaptureFixture[str], *options: str, exit_code: Exit = Exit.DONE) -> dict[str, Any]:
    """What the command says to programs."""
    assert main(["prune", "--json", *options]) == exit_code
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    newest = [image for image in told["images"] if image["name"] == NEWEST]
    assert all("the newest of web" in image["kept_because"] for image in newest)
    return {**told, "images": [image for image in told["images"] if image not in newest]}


def test_a_dry_run_says_what_would_go_and_why_and_removes_nothing(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    going, staying = old_image(ec2, "web-1"), old_image(ec2, "web-2")
    foreign = bare_image(ec2, "by-hand", {})
    ec2.client().run_instances(ImageId=staying, MinCount=1, MaxCount=1)

    told = pruned(capsys, exit_code=Exit.FOUND)

    by_id = {image["ami_id"]: image for image in told["images"]}
    assert by_id.keys() == {going, staying}
    assert by_id[staying]["kept_because"] == ["runs in no group: 1"]
    assert "it has succeeded nowhere" in by_id[going]["removed_because"]
    assert told["steps"] == []
    assert images(ec2) == {going, staying, foreign}


def test_an_image_goes_with_its_snapshots_and_the_launch_template_versions_that_name_it_go_first(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[list[int]] = []

    def delete(_ec2: Any, _template_id: str, numbers: list[int]) -> dict[int, str]:
        deleted.append(numbers)
        return {}

    monkeypatch.setattr(pruning, "delete_versions", delete)  # the emulated EC2 cannot
    first, going, running = (old_image(ec2, f"web-{number}") for number in range(3))
    start_group(ec2, first, "web", 0)
    for ami_id in (going, running):
        ec2.client().create_launch_template_version(
            LaunchTemplateName="web", LaunchTemplateData={"ImageId": ami_id}
        )
    gone = snapshots_of(ec2, going)

    told = pruned(capsys, "--yes")

    template_id = told["launch_template_versions"][0]["template_id"]
    assert [step["id"] for step in told["steps"]] == [f"{template_id} 2", going]
    assert deleted == [[2]]
    assert images(ec2) == {first, running}
    assert not snapshots(ec2) & {*gone}


def test_an_image_whose_launch_template_version_stays_stays_too(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "delete_versions", lambda _ec2, _id, numbers: dict.fromkeys(numbers, "no"))
    first, going, running = (old_image(ec2, f"web-{number}") for number in range(3))
    start_group(ec2, first, "web", 0)
    for ami_id in (going, running):
        ec2.client().create_launch_template_version(
            LaunchTemplateName="web", LaunchTemplateData={"ImageId": ami_id}
        )

    version, image = pruned(capsys, "--yes", exit_code=Exit.FAILED)["steps"]

    assert version["failure"] == "no"
    assert image["failure"].endswith("still names it")
    assert images(ec2) == {first, going, running}


def test_what_is_shared_stays_unless_it_is_included(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = old_image(ec2, "web-1")
    ec2.client().modify_image_attribute(
        ImageId=ami_id, LaunchPermission={"Add": [{"UserId": "111122223333"}]}
    )

    assert pruned(capsys, "--yes")["images"][0]["kept_because"] == ["shared with 111122223333"]
    assert images(ec2) == {ami_id}
    pruned(capsys, "--yes", "--include-shared")
    assert images(ec2) == set()


def test_a_pin_of_any_stack_in_the_folder_keeps_its_image(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = old_image(ec2, "web-1")
    (project / "Pulumi.prod.yaml").write_text(f"config:\n  web:pinnedAmi: {ami_id}\n")

    assert pruned(capsys, "--yes")["images"][0]["kept_because"] == ["pinned in Pulumi.prod.yaml"]


def test_without_all_stack_config_nothing_is_removed(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = old_image(ec2, "web-1")
    (project / "Pulumi.prod.yaml").write_text("config: [")

    assert main(["prune", "--yes"]) == Exit.FAILED

    assert capsys.readouterr().err.startswith("Pulumi.prod.yaml cannot be read: ")
    assert images(ec2) == {ami_id}


def test_elsewhere_than_in_the_project_nothing_is_pruned(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = old_image(ec2, "web-1")
    (project / "Pulumi.yaml").unlink()

    assert main(["prune", "--yes"]) == Exit.FAILED

    assert "has no Pulumi.yaml · the folder of the project was expected" in capsys.readouterr().err
    assert images(ec2) == {ami_id}


def test_whom_images_are_shared_with_is_asked_of_all_before_any_of_them_goes(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_ASKED", 0)
    base = old_image(ec2, "web-1")
    shared = old_image(ec2, "web-2", SourceAmi=base)
    ec2.client().modify_image_attribute(
        ImageId=shared, LaunchPermission={"Add": [{"UserId": "111122223333"}]}
    )

    assert {one["ami_id"] for one in pruned(capsys, exit_code=Exit.FOUND)["images"]} == {base, shared}
    assert pruned(capsys, "--yes")["steps"] == []
    assert images(ec2) == {base, shared}


def test_versions_of_another_projects_launch_template_stay(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, going, running = (old_image(ec2, f"web-{number}") for number in range(3))
    start_group(ec2, first, "web", 0)
    for ami_id in (going, running):
        ec2.client().create_launch_template_version(
            LaunchTemplateName="web", LaunchTemplateData={"ImageId": ami_id}
        )
    (project / "Pulumi.yaml").write_text("name: another\nconfig:\n  imageFamily: web\n")

    assert pruned(capsys, exit_code=Exit.FOUND)["launch_template_versions"] == []


def test_what_fails_is_said_the_rest_goes_and_the_next_run_finishes(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, going = old_image(ec2, "web-1"), old_image(ec2, "web-2")
    refuse_to_deregister(monkeypatch, stuck)

    told = pruned(capsys, "--yes", exit_code=Exit.FAILED)

    failures = {step["id"]: step["failure"] for step in told["steps"]}
    assert failures == {stuck: "OperationNotPermitted at DeregisterImage", going: ""}
    assert images(ec2) == {stuck}
    monkeypatch.setattr(pruning, "deregister", removal.deregister)
    pruned(capsys, "--yes")
    assert images(ec2) == set()


def refuse_to_deregister(monkeypatch: pytest.MonkeyPatch, ami_id: str) -> None:
    """As AWS does for an image with deregistration protection."""
    original = removal.deregister

    def deregister(client: Any, ami: Any) -> None:
        if ami.ami_id == ami_id:
            answer: Any = {"Error": {"Code": "OperationNotPermitted", "Message": "protected"}}
            raise ClientError(answer, "DeregisterImage")
        original(client, ami)

    monkeypatch.setattr(pruning, "deregister", deregister)


def test_snapshots_of_an_image_whose_removal_was_cut_off_go_with_the_next_run(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ami_id = old_image(ec2, "web-1")
    left = snapshots_of(ec2, ami_id)
    ec2.client().create_tags(
        Resources=left, Tags=[{"Key": key, "Value": value} for key, value in OURS.items()]
    )
    ec2.client().deregister_image(ImageId=ami_id)
    assert pruned(capsys)["snapshots"] == [], "it may be that of an image which is just being made"
    monkeypatch.setattr(pruning, "UNVERIFIED", datetime.max - datetime.max)

    assert pruned(capsys, "--yes")["snapshots"] == left

    assert not snapshots(ec2) & {*left}


def test_an_image_that_is_launched_meanwhile_stays(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ami_id = old_image(ec2, "web-1")
    make_plan = pruning.make_plan

    def make_plan_and_launch(*arguments: Any, **options: Any) -> Any:
        plan = make_plan(*arguments, **options)
        ec2.client().run_instances(ImageId=ami_id, MinCount=1, MaxCount=1)
        return plan

    monkeypatch.setattr(pruning, "make_plan", make_plan_and_launch)

    (step,) = pruned(capsys, "--yes")["steps"]

    assert step["kept_because"] == "runs in no group: 1, by now"
    assert images(ec2) == {ami_id}


def test_what_may_be_launched_meanwhile_stays(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    launched, going = old_image(ec2, "web-1"), old_image(ec2, "web-2")
    monkeypatch.setattr(pruning, "BATCH", 1)
    remove = pruning._remove_image

    def remove_and_launch(client: Any, ami: Any) -> Any:
        start_group(ec2, launched, "web", 0)
        return remove(client, ami)

    monkeypatch.setattr(pruning, "_remove_image", remove_and_launch)
    monkeypatch.setattr(pruning.Plan, "going", property(lambda plan: in_order(plan, going, launched)))

    steps = {step["id"]: step["kept_because"] for step in pruned(capsys, "--yes")["steps"]}

    assert steps[going] == ""
    assert steps[launched].startswith("launched by web; in the newest version of lt-")
    assert images(ec2) == {launched}


def in_order(plan: pruning.Plan, *ami_ids: str) -> list[Any]:
    by_id = {ami.ami_id: ami for ami in plan.images}
    return [by_id[ami_id] for ami_id in ami_ids]


def test_where_it_cannot_be_told_again_what_is_needed_the_rest_stays(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ami_id = old_image(ec2, "web-1")
    running = iter([None, of_another_template()])
    monkeypatch.setattr(gathering, "find_running", lambda *_: next(running))
    start_group(ec2, bare_image(ec2, "by-hand", {}), "web", 0)

    (step,) = pruned(capsys, "--yes", exit_code=Exit.FAILED)["steps"]

    assert step["failure"].startswith("what is needed by now cannot be told: being rolled out in web is a ")
    assert ami_id in images(ec2)


def of_another_template() -> Launching:
    """What a rollout to a template that EC2 does not know (yet) launches from."""
    return launching_of({"LaunchTemplate": {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "7"}})


def test_while_it_cannot_be_told_what_is_being_rolled_out_nothing_is_removed(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ami_id = old_image(ec2, "web-1")
    monkeypatch.setattr(gathering, "find_running", lambda *_: of_another_template())
    start_group(ec2, ami_id, "web", 0)

    assert main(["prune", "--yes"]) == Exit.FAILED

    error = capsys.readouterr().err
    assert error.startswith(
        "being rolled out in web is a launch template version that is not there · an AMI "
    )
    assert error.count("\n") == 1
    assert images(ec2) == {ami_id}


def test_an_original_stays_as_long_as_a_copy_of_it_is_there(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = ec2.register("web-1", in_region="eu-west-1")
    ami_id = old_image(ec2, "web-1", **{"CopiedTo:eu-west-1": copy})

    (image,) = pruned(capsys, "--yes")["images"]
    assert image["kept_because"] == [f"its copy {copy} is in eu-west-1"]

    ec2.client("eu-west-1").deregister_image(ImageId=copy)
    pruned(capsys, "--yes")
    assert ami_id not in images(ec2)


def test_an_original_stays_where_the_region_of_its_copy_cannot_be_asked(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ami_id = old_image(ec2, "web-1", **{"CopiedTo:eu-west-1": "ami-00000000000000009"})
    answer: Any = {"Error": {"Code": "AuthFailure", "Message": "not enabled"}}

    def refuse(*_: Any) -> Any:
        raise ClientError(answer, "DescribeImages")

    monkeypatch.setattr(Amis, "elsewhere", refuse)

    (image,) = pruned(capsys, "--yes")["images"]

    assert image["kept_because"] == [
        "whether its copy ami-00000000000000009 in eu-west-1 is there cannot be told: "
        "AuthFailure at DescribeImages"
    ]
    assert images(ec2) == {ami_id}


def test_images_and_snapshots_of_another_projects_family_stay_unless_it_is_named(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "UNVERIFIED", datetime.max - datetime.max)
    theirs = {**OURS, "ImageFamily": "api"}
    going = bare_image(ec2, "api-1", theirs)
    newest = ec2.register("api-2", **{**theirs, "BuiltAt": "2026-02-01T00:00:00Z"})
    gone = bare_image(ec2, "api-0", theirs)
    left = snapshots_of(ec2, gone)
    ec2.client().create_tags(
        Resources=left, Tags=[{"Key": key, "Value": value} for key, value in theirs.items()]
    )
    ec2.client().deregister_image(ImageId=gone)

    told = pruned(capsys, "--yes")

    assert {one["ami_id"]: one["kept_because"] for one in told["images"]} == {
        going: ["not of this project's families"],
        newest: ["not of this project's families", "the newest of api"],
    }
    assert told["snapshots"] == []
    told = pruned(capsys, "--yes", "--family", "api", "--family", "blog")
    assert [step["id"] for step in told["steps"]] == [going, *left]
    assert images(ec2) == {newest}


def test_where_no_family_is_named_nothing_is_removed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "Pulumi.yaml").write_text("name: shop\n")

    assert main(["prune", "--yes"]) == Exit.FAILED

    assert capsys.readouterr().err.startswith("no stack here names an imageFamily · ")


def test_an_image_that_cannot_be_asked_stays_and_the_rest_goes(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = old_image(ec2, "web-1")
    old_image(ec2, "web-2")
    find_accounts = sharing.find_accounts

    def refuse(client: Any, ami: Any) -> list[str]:
        if ami.ami_id == odd:
            answer: Any = {"Error": {"Code": "InvalidAMIID.Unavailable", "Message": "being removed"}}
            raise ClientError(answer, "DescribeImageAttribute")
        return find_accounts(client, ami)

    monkeypatch.setattr(pruning, "find_accounts", refuse)

    assert main(["prune", "--yes", "--json"]) == Exit.FAILED

    printed = capsys.readouterr()
    kept = {one["ami_id"]: one["kept_because"] for one in json.loads(printed.out)["images"]}
    why = "whom it is shared with cannot be told: InvalidAMIID.Unavailable at DescribeImageAttribute"
    assert kept[odd] == [why]
    assert printed.err == f"{odd} stays: {why}\n"
    assert images(ec2) == {odd}


def test_an_image_that_failed_is_not_asked_whom_it_is_shared_with() -> None:
    nobody: Any = None

    assert sharing.find_accounts(nobody, replace(sample_reports.ami_of(1, hours=1), state="failed")) == []


@pytest.mark.parametrize("days", ["999999999999", "-1", "²"])
def test_a_number_of_days_that_is_none_is_wrong_usage(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prune", f"--keep-days={days}"])

    assert ended.value.code == Exit.USAGE
    assert "a whole number from 0 to 36500 was expected" in capsys.readouterr().err
