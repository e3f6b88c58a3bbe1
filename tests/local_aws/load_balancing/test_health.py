"""DescribeTargetHealth's words."""

from __future__ import annotations

import pytest

from local_aws.load_balancing.health import describe
from local_aws.load_balancing.targets import Failure, Phase, Record

from .plain import record

SERVING = record(phase=Phase.IN_SERVICE, is_up=True)
FAILURE = Failure(reason="Target.Timeout", description="Request timed out")


@pytest.mark.parametrize(
    ("registered", "used", "state", "known", "expected"),
    [
        (False, True, "running", None, ("unused", "Target.NotRegistered")),
        (False, True, "running", SERVING, ("draining", "Target.DeregistrationInProgress")),
        (True, False, "running", None, ("unused", "Target.NotInUse")),
        (True, True, "stopped", SERVING, ("unused", "Target.InvalidState")),
        (True, False, "terminated", None, ("unused", "Target.InvalidState")),
        (True, True, "pending", None, ("initial", "Elb.RegistrationInProgress")),
        (True, True, "running", None, ("initial", "Elb.RegistrationInProgress")),
        (True, True, "running", record(phase=Phase.DRAINING), ("initial", "Elb.RegistrationInProgress")),
        (True, True, "running", record(), ("initial", "Elb.InitialHealthChecking")),
        (True, True, "running", SERVING, ("healthy", None)),
        (
            True,
            True,
            "running",
            record(phase=Phase.IN_SERVICE, failure=FAILURE),
            ("unhealthy", "Target.Timeout"),
        ),
        (
            True,
            True,
            "running",
            record(phase=Phase.IN_SERVICE),
            ("unhealthy", "Target.FailedHealthChecks"),
        ),
    ],
)
def test_every_state_has_awss_reason(
    registered: bool, used: bool, state: str, known: Record | None, expected: tuple[str, str | None]
) -> None:
    health = describe(is_registered=registered, is_group_used=used, instance_state=state, record=known)

    assert (health.state, health.reason) == expected
    assert (health.description is None) == (health.state == "healthy")
