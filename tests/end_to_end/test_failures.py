"""What goes wrong is said, changes nothing that serves, and the next `up` can mend it."""

from __future__ import annotations

from typing import Any

from tests.end_to_end.checkout import Checkout, ask
from tests.end_to_end.conftest import STACK, own_images
from tests.support.killing import NOTHING_LEFT, leftovers

PROVISION = "images/web-app/provision/application.sh"
UNIT = "images/web-app/app/web-app.service"


def test_a_provisioner_that_fails_is_named_leaves_nothing_and_is_not_recorded(
    project: Checkout, ec2: Any
) -> None:
    before = project.outputs(STACK)
    images = own_images(ec2)
    script = project.folder / PROVISION
    script.write_text(script.read_text() + "\necho the disk is made of cheese >&2\nexit 7\n")
    project.commit("Break a provisioner")

    printed = project.failing_up(STACK)

    assert "application.sh" in printed
    assert "the disk is made of cheese" in printed
    assert "7" in printed
    assert ".packer-runs/" in printed
    assert leftovers(ec2) == NOTHING_LEFT
    assert own_images(ec2) == images
    assert ask(before["url"])["ami_id"] == before["ami_id"]


def test_an_image_that_fails_a_check_is_rejected_with_its_name_and_nothing_is_rolled_out(
    settled: Checkout, ec2: Any
) -> None:
    project = settled
    before = project.outputs(STACK)
    images = own_images(ec2)
    # It starts, answers and is healthy: what no health check sees.
    project.edit(UNIT, "User=web-app", "User=nobody")

    printed = project.failing_up(STACK)

    (failure,) = {line.strip() for line in printed.splitlines() if "VerificationError" in line}
    (rejected,) = own_images(ec2) - images
    assert f"{rejected} failed 1 of " in failure
    assert "test_web_app.py::test_the_service_runs_as_its_own_user: " in failure
    assert "'nobody'" in failure
    assert "full log: /" in failure
    tags = tags_of(ec2, rejected)
    assert tags["Rejected"] == "failed checks: test_the_service_runs_as_its_own_user"
    assert "Verified" not in tags
    assert leftovers(ec2) == NOTHING_LEFT
    assert ask(before["url"])["ami_id"] == before["ami_id"]

    assert "image web-app: build: " in project.preview(STACK)
    project.must("git", "revert", "--no-edit", "HEAD")
    project.up(STACK)
    assert own_images(ec2) == {*images, rejected}
    assert project.outputs(STACK)["ami_id"] == before["ami_id"]
    assert "Verified" in tags_of(ec2, before["ami_id"])


def tags_of(ec2: Any, ami_id: str) -> dict[str, str]:
    """The tags of an AMI."""
    (image,) = ec2.describe_images(ImageIds=[ami_id])["Images"]
    return {tag["Key"]: tag["Value"] for tag in image["Tags"]}
