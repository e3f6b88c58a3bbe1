"""What tags and environment make of a record's life."""

from __future__ import annotations

import pytest

from local_aws.records.script import Script, read_script


def test_a_record_is_healthy_after_a_while_unless_it_is_told_otherwise() -> None:
    script = read_script({}, {}, {})

    assert not script.is_healthy(0)
    assert script.is_healthy(script.healthy_seconds)
    assert script.is_healthy(10_000)


def test_an_ami_can_say_that_its_instances_are_never_healthy() -> None:
    assert not read_script({}, {"LocalAws:Health": "never"}, {}).is_healthy(10_000)


def test_an_instance_can_get_unhealthy_later() -> None:
    script = read_script({}, {"LocalAws:HealthySeconds": "2", "LocalAws:UnhealthyAfterSeconds": "5"}, {})

    assert [script.is_healthy(seconds) for seconds in (1, 2, 4.9, 5, 6)] == [False, True, True, False, False]


def test_the_instance_counts_before_its_ami_and_that_before_the_environment() -> None:
    environment = {"LOCAL_AWS_BOOTSECONDS": "1", "LOCAL_AWS_HEALTHYSECONDS": "1"}
    environment["LOCAL_AWS_SHUTDOWNSECONDS"] = "1"
    image = {"LocalAws:BootSeconds": "2", "LocalAws:HealthySeconds": "2"}

    script = read_script({"LocalAws:BootSeconds": "3"}, image, environment)

    assert script == Script(boot_seconds=3, healthy_seconds=2, shutdown_seconds=1)


@pytest.mark.parametrize(
    "tags", [{"LocalAws:Health": "sometimes"}, {"LocalAws:BootSeconds": "-1"}, {"LocalAws:BootSeconds": "x"}]
)
def test_what_is_no_script_is_refused_with_its_value(tags: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"is '{next(iter(tags.values()))}' · .* was expected"):
        read_script(tags, {}, {})
