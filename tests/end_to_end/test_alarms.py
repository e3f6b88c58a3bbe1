"""The alarms that watch the fleet can be left out of one run."""

from __future__ import annotations

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.conftest import TINY_STACK, client


def test_alarms_can_be_left_out_of_a_run_and_come_back_without_a_rollout(
    settled_tiny: Checkout, home: Home
) -> None:
    group = settled_tiny.outputs(TINY_STACK)["auto_scaling_group"]
    alarms, scaling = client(home, "cloudwatch"), client(home, "autoscaling")

    def names() -> set[str]:
        """The alarms that the fleet has."""
        return {alarm["AlarmName"].rpartition("-")[0] for alarm in alarms.describe_alarms()["MetricAlarms"]}

    def refreshes() -> int:
        """How many rollouts there were."""
        return len(scaling.describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"])

    names_before, refreshes_before = names(), refreshes()
    settled_tiny.must("pulumi", "config", "set", "alarms", "false", "--stack", TINY_STACK)
    settled_tiny.up(TINY_STACK)
    names_without = names()
    settled_tiny.must("pulumi", "config", "rm", "alarms", "--stack", TINY_STACK)
    settled_tiny.up(TINY_STACK)

    assert names_before == {"tiny-tiny-target-5xx", "tiny-tiny-unhealthy-hosts"}
    assert names_without == set()
    assert names() == names_before
    assert refreshes() == refreshes_before
