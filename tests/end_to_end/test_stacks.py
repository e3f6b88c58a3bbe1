"""Several stacks of one account, and what was changed behind Pulumi's back."""

from __future__ import annotations

import re
from typing import Any

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, ask
from tests.end_to_end.conftest import STACK, client, own_images

PAGE = "images/web-app/app/page.html"
# What makes production slow to roll, and proves nothing here.
SHORT_WAITS = {"instanceWarmupSeconds": 1, "healthCheckIntervalSeconds": 5, "deregistrationDelaySeconds": 1}


def test_prod_runs_what_succeeded_in_dev_and_builds_nothing(project: Checkout, ec2: Any) -> None:
    project.edit(PAGE, "</body>", "<p>for both</p></body>")
    images = own_images(ec2)
    with project.with_stack("dev", **SHORT_WAITS), project.with_stack("prod", **SHORT_WAITS):
        refused = project.run("pulumi", "preview", "--stack", "prod")
        assert refused.exit_code != 0
        assert "has succeeded in dev · one that did was expected" in refused.output
        project.up("dev")
        project.up("prod")

        dev, prod = project.outputs("dev"), project.outputs("prod")
        assert (dev["image_origin"], prod["image_origin"]) == ("built", "reused")
        assert dev["ami_id"] == prod["ami_id"] == ask(dev["url"])["ami_id"] == ask(prod["url"])["ami_id"]
        assert own_images(ec2) - images == {dev["ami_id"]}

        (listed,) = (one for one in project.image_builder("list") if one["ami_id"] == dev["ami_id"])
        assert set(listed["verified_in"]) == {"dev", "prod"}

        project.edit(PAGE, "</body>", "<p>not yet in dev</p></body>")
        refused = project.run("pulumi", "preview", "--stack", "prod")
        assert refused.exit_code != 0
        assert f"one that did was expected, and dev runs {dev['ami_id']} (built " in refused.output
        project.must("pulumi", "config", "set", "promoteFrom", "dev", "--stack", "prod")
        assert f"promoted from dev: {dev['ami_id']}" in project.preview("prod")
        project.up("prod")
        promoted = project.outputs("prod")
        assert (promoted["image_origin"], promoted["ami_id"]) == ("promoted", dev["ami_id"])


def test_an_image_deregistered_and_a_group_moved_behind_our_back_are_found_out_by_refresh_and_made_again(
    project: Checkout, ec2: Any, home: Any
) -> None:
    project.edit(PAGE, "</body>", "<p>soon gone</p></body>")
    project.up(STACK)
    gone = project.outputs(STACK)
    ec2.deregister_image(ImageId=gone["ami_id"])
    name, before = gone["auto_scaling_group"], str(int(gone["launch_template_version"]) - 1)
    scaling = client(home, "autoscaling")
    (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    template = group["LaunchTemplate"]["LaunchTemplateId"]
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateId": template, "Version": before}
    )

    refreshed = project.must("pulumi", "refresh", "--yes", "--stack", STACK)
    assert f"rollout: {name} names version {before} of {template} (ami-" in refreshed
    preview = project.preview(STACK)

    assert "build:" in preview
    project.up(STACK)
    rebuilt = project.outputs(STACK)
    assert rebuilt["fingerprint"] == gone["fingerprint"]
    assert rebuilt["ami_id"] != gone["ami_id"]
    assert ask(rebuilt["url"])["ami_id"] == rebuilt["ami_id"]


def test_a_revoked_image_is_refused_in_preview_and_as_a_pin_until_it_is_restored(
    project: Checkout, first_ami: str
) -> None:
    images = ("python", "-m", "image_builder")
    reason = ("--reason", "CVE-2026-1 in gunicorn")
    try:
        project.must(*images, "revoke", first_ami, *reason, "--at", "+30d")
        unchanged = project.must("pulumi", "preview", "--expect-no-changes", "--stack", STACK)
        assert re.search(rf"{first_ami} is to be Revoked \S+ by \S+: CVE-2026-1 in gunicorn", unchanged)

        told = project.must(*images, "revoke", first_ami, *reason)
        group = project.outputs(STACK)["auto_scaling_group"]
        assert f"{group} still runs {first_ami}: 2 instances" in told
        refusal = rf"{first_ami} (\(\S+\) )?is Revoked \S+ by \S+: CVE-2026-1 in gunicorn"
        assert re.search(rf"image web-app: build: {refusal}", project.preview(STACK))

        project.must("pulumi", "config", "set", "pinnedAmi", first_ami, "--stack", STACK)
        pinned = project.run("pulumi", "preview", "--stack", STACK)
        assert pinned.exit_code != 0
        assert re.search(rf"pinned AMI {refusal} · pin another one", pinned.output)
        project.must("pulumi", "config", "rm", "pinnedAmi", "--stack", STACK)
    finally:
        project.must(*images, "restore", first_ami)
    project.must("pulumi", "preview", "--expect-no-changes", "--stack", STACK)


def test_an_image_is_copied_where_the_stack_says_and_used_there(
    project: Checkout, home: Home, first_ami: str
) -> None:
    project.must("pulumi", "config", "set", "--path", "copyToRegions[0]", "eu-west-1", "--stack", STACK)
    try:
        assert f"image copies: {first_ami} is to be in eu-west-1" in project.preview(STACK)
        project.up(STACK)

        (copy,) = client(home, "ec2", region="eu-west-1").describe_images(Owners=["self"])["Images"]
        tags = {tag["Key"]: tag["Value"] for tag in copy["Tags"]}
        assert tags["CopiedFrom"] == f"us-east-1/{first_ami}"
        assert "Verified" in tags
        project.must("pulumi", "preview", "--expect-no-changes", "--stack", STACK)

        there = {"aws:region": "eu-west-1", "requireVerifiedIn": STACK}
        with project.with_stack("ireland", **there):
            assert f"reuse {copy['ImageId']}" in project.preview("ireland")
    finally:
        project.must("pulumi", "config", "rm", "copyToRegions", "--stack", STACK)
        project.up(STACK)


def test_a_refresh_of_an_untouched_stack_finds_no_difference(project: Checkout) -> None:
    project.up(STACK)

    project.must("pulumi", "refresh", "--yes", "--stack", STACK)
    preview = project.run("pulumi", "preview", "--expect-no-changes", "--stack", STACK)

    assert preview.exit_code == 0, preview.output


def test_a_bad_setting_is_one_line_that_names_the_key_and_the_remedy(project: Checkout) -> None:
    project.must("pulumi", "config", "set", "minSise", "3", "--stack", STACK)

    result = project.run("pulumi", "preview", "--stack", STACK)

    assert result.exit_code != 0
    line = next(line for line in result.output.splitlines() if "minSise" in line)
    assert "did you mean minSize?" in line
    assert "pulumi config rm minSise" in line
