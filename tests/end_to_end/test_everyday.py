"""The everyday things, as the README tells them, with the real engine, real Packer and real machines."""

from __future__ import annotations

from typing import Any

from local_aws.home import Home
from local_aws.machines import podman
from tests.end_to_end.checkout import Checkout, ask, wait_until
from tests.end_to_end.conftest import STACK, living_instances, own_images
from tests.end_to_end.tiny import UNVERIFIED

PAGE = "images/web-app/app/page.html"


def test_the_page_names_the_image_fingerprint_and_commit_that_were_rolled_out(settled: Checkout) -> None:
    outputs = settled.outputs(STACK)

    answer = ask(outputs["url"])

    assert answer["ami_id"] == outputs["ami_id"]
    assert answer["fingerprint"] == outputs["fingerprint"]
    assert answer["git_commit"] == outputs["git_commit"] == settled.must("git", "rev-parse", "HEAD").strip()
    assert outputs["rollout_status"] == "Successful"


def test_a_second_up_builds_nothing_changes_nothing_and_launches_no_instance(
    settled: Checkout, ec2: Any
) -> None:
    before = living_instances(ec2), own_images(ec2)

    printed = settled.up(STACK)

    assert (living_instances(ec2), own_images(ec2)) == before
    assert "unchanged" in printed
    assert not any(word in printed for word in ("created", "updated", "replaced", "deleted", "warning:"))


def test_an_edit_is_previewed_by_name_built_rolled_out_and_its_revert_reuses_the_earlier_image(
    settled: Checkout, ec2: Any, home: Home
) -> None:
    project = settled
    before = project.outputs(STACK)
    project.edit(PAGE, "</body>", "<p>edited</p></body>")
    images = own_images(ec2)

    preview = project.preview(STACK)

    assert "build: app/page.html changed" in preview
    assert "aws:ec2/launchTemplate:LaunchTemplate" in preview
    assert "InstanceRefresh" in preview
    assert own_images(ec2) == images

    project.up(STACK)

    edited = project.outputs(STACK)
    assert edited["image_origin"] == "built"
    assert edited["fingerprint"] != before["fingerprint"]
    assert ask(edited["url"])["fingerprint"] == edited["fingerprint"]

    diff = project.image_builder("diff", before["ami_id"], edited["ami_id"])
    assert diff["files"] == [{"path": "app/page.html", "change": "changed"}]
    assert (diff["packages"], diff["packages_hindrance"]) == ([], "")
    packages = project.image_builder("show", edited["ami_id"])["packages"]
    assert packages["gunicorn"][0].isdigit()
    assert len(packages) > 100
    page = project.folder / "report.html"
    report = project.image_builder("report", "--html", str(page))
    page_text = page.read_text()
    page.unlink()
    group = next(one for one in report["groups"] if one["stack"] == STACK)
    assert group["image"]["ami_id"] == group["rollouts"][0]["ami_id"] == edited["ami_id"]
    assert all(text in page_text for text in (group["group"], edited["ami_id"], before["ami_id"]))

    images = own_images(ec2)
    project.must("git", "revert", "--no-edit", "HEAD")
    project.up(STACK)

    reverted = project.outputs(STACK)
    assert reverted["image_origin"] == "reused"
    assert reverted["ami_id"] == before["ami_id"]
    assert ask(reverted["url"])["ami_id"] == before["ami_id"]
    assert own_images(ec2) == images

    # The newest image of a family stays as long as it may be used.
    project.image_builder("revoke", edited["ami_id"], "--reason", "the edit was reverted")
    pruned = project.image_builder("prune", "--yes", "--keep", "0", "--keep-days", "0")
    kept = {image["ami_id"]: image["kept_because"] for image in pruned["images"]}
    assert f"launched by {reverted['auto_scaling_group']}" in kept[before["ami_id"]]
    assert {step["failure"] + step["kept_because"] for step in pruned["steps"]} == {""}
    assert pruned["launch_template_versions"]
    assert before["ami_id"] in own_images(ec2)
    assert edited["ami_id"] not in own_images(ec2)
    disk = f"localhost/{home.name}/ami:{edited['ami_id']}"
    wait_until(lambda: not podman.images_named(disk), "the disk of the removed image is gone")
    unchanged = project.run("pulumi", "preview", "--expect-no-changes", "--stack", STACK)
    assert unchanged.exit_code == 0, unchanged.output


def test_a_pin_rolls_out_that_image_whatever_is_edited_and_its_removal_returns_to_the_working_tree(
    project: Checkout, ec2: Any
) -> None:
    project.configure(STACK, **UNVERIFIED)
    old = project.outputs(STACK)
    project.edit(PAGE, "</body>", "<p>pin me not</p></body>")
    project.up(STACK)
    new = project.outputs(STACK)
    images = own_images(ec2)

    project.must("pulumi", "config", "set", "pinnedAmi", old["ami_id"], "--stack", STACK)
    assert f"pinned to {old['ami_id']}" in project.preview(STACK)
    project.up(STACK)

    pinned = project.outputs(STACK)
    assert (pinned["ami_id"], pinned["image_origin"]) == (old["ami_id"], "pinned")
    assert ask(pinned["url"])["ami_id"] == old["ami_id"]

    project.edit(PAGE, "</body>", "<p>not while pinned</p></body>")
    printed = project.up(STACK)
    assert "unchanged" in printed
    assert not any(word in printed for word in ("created", "updated", "replaced", "deleted"))

    project.must("git", "revert", "--no-edit", "HEAD")
    project.must("pulumi", "config", "rm", "pinnedAmi", "--stack", STACK)
    project.up(STACK)

    unpinned = project.outputs(STACK)
    assert (unpinned["ami_id"], unpinned["image_origin"]) == (new["ami_id"], "reused")
    assert ask(unpinned["url"])["ami_id"] == new["ami_id"]
    assert own_images(ec2) == images
