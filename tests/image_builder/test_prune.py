"""`prune`, against an emulated EC2: what goes, what stays, and what a second run finishes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from image_builder import pruning, removal
from image_builder.__main__ import main
from image_builder.commands.common import Exit
from image_builder.errors import ImageBuildError
from image_builder.groups import Group, Refresh
from image_builder.launch_templates import Version
from image_builder.project_files import pinned_amis
from image_builder.pruning import launchers
from tests.image_builder.emulated_ec2 import EmulatedEc2
from tests.image_builder.recorded_images import bare_image
from tests.image_builder.test_list_images import start_group

OURS = {"Built-By": "packer", "ImageFamily": "web", "BuiltAt": "2026-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def _no_rollouts(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """The emulated Auto Scaling knows no instance refreshes; the commands run in an empty checkout."""
    (project / "Pulumi.yaml").write_text("name: shop\n")
    monkeypatch.setattr(pruning, "find_refreshes", lambda *_: [])


def images(ec2: EmulatedEc2) -> set[str]:
    return {image["ImageId"] for image in ec2.client().describe_images(Owners=["self"])["Images"]}


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
    return told


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


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("", {}),
        ("encryptionsalt: v1\n", {}),
        ("config:\n  aws:region: us-east-1\n", {}),
        ('config:\n  web:pinnedAmi: ""\n', {}),
        ("config:\n  web:pinnedAmi: ami-1\n", {"ami-1": ["Pulumi.dev.yaml"]}),
    ],
)
def test_a_stacks_config_is_read_for_its_pin(tmp_path: Path, text: str, pins: dict[str, list[str]]) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text)

    assert pinned_amis(tmp_path) == pins


@pytest.mark.parametrize("entry", ["ami-1", "{type: string, default: ami-1}", "{value: ami-1}"])
def test_a_pin_of_all_stacks_counts_too(tmp_path: Path, entry: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: web\nconfig:\n  pinnedAmi: {entry}\n")

    assert pinned_amis(tmp_path) == {"ami-1": ["Pulumi.yaml"]}


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
    (project / "Pulumi.yaml").write_text("name: another\n")

    assert pruned(capsys, exit_code=Exit.FOUND)["launch_template_versions"] == []


def test_a_pin_that_is_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  web:pinnedAmi:\n    secure: abc\n")

    with pytest.raises(ImageBuildError, match="is a secret or no text"):
        pinned_amis(tmp_path)


def test_what_fails_is_said_the_rest_goes_and_the_next_run_finishes(
    ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, going = old_image(ec2, "web-1"), old_image(ec2, "web-2")
    refuse_to_deregister(monkeypatch, stuck)

    told = pruned(capsys, "--yes", exit_code=Exit.FAILED)

    failures = {step["id"]: step["failure"] for step in told["steps"]}
    assert failures == {stuck: "OperationNotPermitted", going: ""}
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

    assert step["kept_because"].endswith("runs it by now")
    assert images(ec2) == {ami_id}


def test_what_a_group_launches_or_is_rolled_out_to_is_told() -> None:
    versions = [
        Version(template_id="lt-1", number=number, ami_id=f"ami-{number}", is_default=number == 1)
        for number in range(1, 5)
    ]

    mixed = replace(group("c", "2"), other_templates=(("lt-1", "2"),))
    configured = replace(group("d", ""), launch_template_id="")

    told = launchers(
        [group("a", "2"), group("b", "$Default"), mixed, configured], versions, {"a": "ami-3"}, {"d": "ami-9"}
    )

    assert told == {
        "ami-9": ["launched by d"],
        "ami-2": ["launched by a", "launched by c"],
        "ami-3": ["being rolled out in a"],
        "ami-1": ["launched by b"],
        "ami-4": ["in the newest version of lt-1"],
    }


def group(name: str, version: str) -> Group:
    return Group(
        name=name,
        stack="dev",
        desired_capacity=1,
        launch_template_id="lt-1",
        launch_template_version=version,
        instance_ids=frozenset(),
    )


@pytest.mark.parametrize(("status", "ami_id"), [("InProgress", "ami-3"), ("Successful", "")])
def test_only_a_rollout_under_way_needs_its_image(
    monkeypatch: pytest.MonkeyPatch, status: str, ami_id: str
) -> None:
    refresh = Refresh(refresh_id="r", status=status, reason="", started_at="", ended_at="", ami_id="ami-3")
    monkeypatch.setattr(pruning, "find_refreshes", lambda *_: [refresh])
    nobody: Any = None

    assert pruning._rolling_to(nobody, nobody, group("a", "2")) == ami_id
