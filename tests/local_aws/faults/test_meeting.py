"""Which calls a fault meets, told from a clock that the test holds."""

from __future__ import annotations

import pytest

from local_aws.faults.call import Call
from local_aws.faults.fault import Fault
from local_aws.faults.meeting import Armed, count_call

CALL = Call(service="ec2", action="DescribeVpcs", user_agent="Boto3", is_json=False, key="")


@pytest.mark.parametrize(
    ("seconds_later", "meets"), [(0.0, True), (59.9, True), (60.0, False), (3600.0, False)]
)
def test_a_fault_is_in_force_for_its_seconds(seconds_later: float, *, meets: bool) -> None:
    fault = Fault(action="ec2:*", kind="throttling", seconds=60)
    armed = Armed(fault_id="fault-1", fault=fault, armed_at=1000.0, earlier={})

    assert count_call(armed, CALL, 1000.0 + seconds_later) is meets
    assert armed.hits == int(meets)
