"""Several stacks of one account, and what was changed behind Pulumi's back."""

from __future__ import annotations

import re
from typing import Any

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, ask
from tests.end_to_end.conftest import TINY_STACK, client, own_images
from tests.end_to_end.tiny import SHORT_WAITS, TINY_IMAGE, UNVERIFIED, commit_release

QUICK = {**TINY_IMAGE, **SHORT_WAITS, **UNVERIFIED}


def test_prod_runs_what_succeeded_in_dev_and_builds_nothing(tiny: Checkout, ec2: Any) -> None:
    commit_release(tiny, "for both")
    images = own_images(ec2)
    with tiny.with_stack("dev", **QUICK), tiny.with_stack("prod", **QUICK):
        refused = tiny.run("pulumi", "preview", "--stack", "prod")
        assert refused.exit_code != 0
        assert "has succeeded in dev · one that did was expected" in refused.output
        tiny.up("dev")
        tiny.up("prod")

        dev, prod = tiny.outputs("dev"), tiny.outputs("prod")
        assert (dev["image_origin"], prod["image_origin"]) == ("built", "reused")
        assert dev["ami_id"] == prod["ami_id"] == ask(dev["url"])["ami_id"] == ask(prod["url"])["ami_id"]
        assert own_images(ec2) - images == {dev["ami_id"]}

        (listed,) = (one for one in tiny.image_builder("list") if one["ami_id"] == dev["ami_id"])
        assert set(listed["verified_in"]) == {"dev", "prod"}

        commit_release(tiny, "not yet in dev")
        refused = tiny.run("pulumi", "preview", "--stack", "prod")
        assert refused.exit_code != 0
        assert f"one that did was expected, and dev runs {dev['ami_id']} (built " in refused.output
        tiny.must("pulumi", "config", "set", "promoteFrom", "dev", "--stack", "prod")
        assert f"promoted from dev: {dev['ami_id']}" in tiny.preview("prod")
        tiny.up("prod")
        promoted = tiny.outputs("prod")
        assert (promoted["image_origin"], promoted["ami_id"]) == ("promoted", dev["ami_id"])


def test_an_image_deregistered_and_a_group_moved_behind_our_back_are_found_out_by_refresh_and_made_again(
    tiny: Checkout, ec2: Any, home: Any
) -> None:
    commit_release(tiny, "soon gone")
    tiny.up(TINY_STACK)
    gone = tiny.outputs(TINY_STACK)
    ec2.deregister_image(ImageId=gone["ami_id"])
    name, before = gone["auto_scaling_group"], str(int(gone["launch_template_version"]) - 1)
    scaling = client(home, "autoscaling")
    (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    template = group["LaunchTemplate"]["LaunchTemplateId"]
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateId": template, "Version": before}
    )

    refreshed = tiny.must("pulumi", "refresh", "--yes", "--stack", TINY_STACK)
    assert f"rollout: {name} names version {before} of {template} (ami-" in refreshed
    preview = tiny.preview(TINY_STACK)

    assert "build:" in preview
    tiny.up(TINY_STACK)
    rebuilt = tiny.outputs(TINY_STACK)
    assert rebuilt["fingerprint"] == gone["fingerprint"]
    assert rebuilt["ami_id"] != gone["ami_id"]
    assert ask(rebuilt["url"])["ami_id"] == rebuilt["ami_id"]


def test_a_revoked_image_is_refused_in_preview_and_as_a_pin_until_it_is_restored(
    settled_tiny: Checkout, first_tiny_ami: str
) -> None:
    images = ("python", "-m", "image_builder")
    reason = ("--reason", "CVE-2026-1 in gunicorn")
    try:
        settled_tiny.must(*images, "revoke", first_tiny_ami, *reason, "--at", "+30d")
        unchanged = settled_tiny.must("pulumi", "preview", "--expect-no-changes", "--stack", TINY_STACK)
        assert re.search(rf"{first_tiny_ami} is to be Revoked \S+ by \S+: CVE-2026-1 in gunicorn", unchanged)

        told = settled_tiny.must(*images, "revoke", first_tiny_ami, *reason)
        group = settled_tiny.outputs(TINY_STACK)["auto_scaling_group"]
        assert f"{group} still runs {first_tiny_ami}: 1 instance" in told
        refusal = rf"{first_tiny_ami} (\(\S+\) )?is Revoked \S+ by \S+: CVE-2026-1 in gunicorn"
        assert re.search(rf"image tiny: build: {refusal}", settled_tiny.preview(TINY_STACK))

        settled_tiny.must("pulumi", "config", "set", "pinnedAmi", first_tiny_ami, "--stack", TINY_STACK)
        pinned = settled_tiny.run("pulumi", "preview", "--stack", TINY_STACK)
        assert pinned.exit_code != 0
        assert re.search(rf"pinned AMI {refusal} · pin another one", pinned.output)
        settled_tiny.must("pulumi", "config", "rm", "pinnedAmi", "--stack", TINY_STACK)
    finally:
        settled_tiny.must(*images, "restore", first_tiny_ami)
    settled_tiny.must("pulumi", "preview", "--expect-no-changes", "--stack", TINY_STACK)


def test_an_image_is_copied_where_the_stack_says_and_used_there(
    settled_tiny: Checkout, home: Home, first_tiny_ami: str
) -> None:
    settled_tiny.must(
        "pulumi", "config", "set", "--path", "copyToRegions[0]", "eu-west-1", "--stack", TINY_STACK
    )
    try:
        assert f"image copies: {first_tiny_ami} is to be in eu-west-1" in settled_tiny.preview(TINY_STACK)
        settled_tiny.up(TINY_STACK)

        (copy,) = client(home, "ec2", region="eu-west-1").describe_images(Owners=["self"])["Images"]
        tags = {tag["Key"]: tag["Value"] for tag in copy["Tags"]}
        assert tags["CopiedFrom"] == f"us-east-1/{first_tiny_ami}"
        assert "Verified" in tags
        settled_tiny.must("pulumi", "preview", "--expect-no-changes", "--stack", TINY_STACK)

        there = {**TINY_IMAGE, "aws:region": "eu-west-1", "requireVerifiedIn": TINY_STACK}
        with settled_tiny.with_stack("ireland", **there):
            assert f"reuse {copy['ImageId']}" in settled_tiny.preview("ireland")
    finally:
        settled_tiny.must("pulumi", "config", "rm", "copyToRegions", "--stack", TINY_STACK)
        settled_tiny.up(TINY_STACK)


def test_a_refresh_of_an_untouched_stack_finds_no_difference(settled_tiny: Checkout) -> None:
    settled_tiny.must("pulumi", "refresh", "--yes", "--stack", TINY_STACK)
    preview = settled_tiny.run("pulumi", "preview", "--expect-no-changes", "--stack", TINY_STACK)

    assert preview.exit_code == 0, preview.output


def test_a_bad_setting_is_one_line_that_names_the_key_and_the_remedy(tiny: Checkout) -> None:
    tiny.must("pulumi", "config", "set", "minSise", "3", "--stack", TINY_STACK)

    result = tiny.run("pulumi", "preview", "--stack", TINY_STACK)

    assert result.exit_code != 0
    line = next(line for line in result.output.splitlines() if "minSise" in line)
    assert "did you mean minSize?" in line
    assert "pulumi config rm minSise" in line
