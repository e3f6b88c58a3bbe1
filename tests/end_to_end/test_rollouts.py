"""What a rollout tells the person who runs `pulumi up`: real engine, real image, real machines."""

from __future__ import annotations

import re
from typing import Any

from tests.end_to_end.checkout import Checkout, ask
from tests.end_to_end.conftest import STACK, client

SERVER = "images/web-app/app/server.py"


def test_a_bad_release_fails_with_its_reason_from_the_machine_and_a_pin_to_the_old_image_works_at_once(
    project: Checkout, home: Any
) -> None:
    before = project.outputs(STACK)
    project.edit(SERVER, "log = logging", 'raise SystemExit("the disk is made of cheese")\nlog = logging')
    # Its checks would find it out; what breaks only where the fleet is, they do not.
    project.must("pulumi", "config", "set", "verifyImage", "false", "--stack", STACK)

    printed = project.failing_up(STACK)

    (failure,) = {line.strip() for line in printed.splitlines() if "ended RollbackSuccessful" in line}
    new_ami = re.search(r"rollout of (ami-\w+) to ", failure)
    assert new_ami
    assert new_ami[1] != before["ami_id"]
    assert "; first failing instance i-" in failure
    assert "unhealthy (Target." in failure
    assert "its console ends: " in failure
    assert "the disk is made of cheese" in failure
    assert f"the group runs {before['ami_id']} (launch template version " in failure
    assert f"pulumi config set pinnedAmi {before['ami_id']}" in failure
    assert " 2 instances, one extra at a time, never fewer than 2" in printed
    assert ask(before["url"])["ami_id"] == before["ami_id"]

    refreshes = history(home, before)
    project.must("pulumi", "config", "set", "pinnedAmi", before["ami_id"], "--stack", STACK)
    project.up(STACK)

    assert project.outputs(STACK)["ami_id"] == before["ami_id"]
    assert ask(before["url"])["ami_id"] == before["ami_id"]
    assert len(history(home, before)) <= len(refreshes) + 1


def history(home: Any, outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """The instance refreshes of the group."""
    answer = client(home, "autoscaling").describe_instance_refreshes(
        AutoScalingGroupName=outputs["auto_scaling_group"]
    )
    return list(answer["InstanceRefreshes"])
