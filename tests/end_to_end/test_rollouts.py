"""What a rollout tells the person who runs `pulumi up`: real engine, real image, real machines."""

from __future__ import annotations

import re
from typing import Any

from tests.end_to_end.checkout import Checkout, ask
from tests.end_to_end.conftest import TINY_STACK, client
from tests.end_to_end.tiny import SERVICE


def test_a_bad_release_fails_with_its_reason_from_the_machine_and_a_pin_to_the_old_image_works_at_once(
    tiny: Checkout, home: Any
) -> None:
    before = tiny.outputs(TINY_STACK)
    tiny.edit(SERVICE, "import json\n", 'raise SystemExit("the disk is made of cheese")\n')

    printed = tiny.failing_up(TINY_STACK)

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
    assert " 1 instance, one extra at a time, never fewer than 1" in printed
    assert ask(before["url"])["ami_id"] == before["ami_id"]

    refreshes = history(home, before)
    tiny.must("pulumi", "config", "set", "pinnedAmi", before["ami_id"], "--stack", TINY_STACK)
    tiny.up(TINY_STACK)

    assert tiny.outputs(TINY_STACK)["ami_id"] == before["ami_id"]
    assert ask(before["url"])["ami_id"] == before["ami_id"]
    assert len(history(home, before)) <= len(refreshes) + 1


def history(home: Any, outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """The instance refreshes of the group."""
    answer = client(home, "autoscaling").describe_instance_refreshes(
        AutoScalingGroupName=outputs["auto_scaling_group"]
    )
    return list(answer["InstanceRefreshes"])
