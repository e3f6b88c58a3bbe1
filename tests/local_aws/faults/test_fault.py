"""What is accepted as a fault, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.api import SERVICES
from local_aws.faults.fault import Fault, FaultError, all_actions, fault_from_json


def test_a_fault_is_what_was_asked_for() -> None:
    fault = Fault(action="ec2:Describe*", kind="dropped", count=3, after=1, seconds=0.5, user_agent="packer")

    assert fault_from_json(fault.to_json()) == fault


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"action": "*"}, "an object with action and kind was expected"),
        ("throttling", "an object with action and kind was expected"),
        ({"action": "*", "kind": "fire"}, "'fire' is no kind of fault · expected one of throttling, "),
        (
            {"action": "*", "kind": "dropped", "colour": "red"},
            "a fault has no colour · it has action, kind, ",
        ),
        ({"action": "*", "kind": "dropped", "count": 0}, "count 0 · a number of at least 1 was expected"),
        ({"action": "*", "kind": "dropped", "count": True}, "count True · a number"),
        ({"action": "*", "kind": "dropped", "after": None}, "after None · a number of at least 0"),
        ({"action": "*", "kind": "dropped", "seconds": "9"}, "seconds '9' · a number of at least 0"),
        ({"action": "*", "kind": "dropped", "user_agent": 9}, "user_agent 9 · a part of a user agent"),
        ({"action": "ec2:RunInstance", "kind": "dropped"}, "action 'ec2:RunInstance' matches nothing"),
        ({"action": "RunInstances", "kind": "dropped"}, "SERVICE:ACTION was expected"),
        ({"action": None, "kind": "dropped"}, "action None matches nothing"),
    ],
)
def test_what_is_no_fault_is_refused_in_one_line(values: Any, said: str) -> None:
    with pytest.raises(FaultError) as caught:
        fault_from_json(values)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_service_that_is_served_can_have_faults() -> None:
    assert {action.split(":")[0] for action in all_actions()} == SERVICES
