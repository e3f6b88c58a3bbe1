"""The program as a whole, on mocks: what leads to what, and what it tells."""

from __future__ import annotations

import json
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.config import set_all_config

from infra import secret_versions
from infra.secrets import Secret, user_data
from tests.infra import mocked

ROOT = Path(__file__).parents[1]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
OUTPUTS = {
    "url",
    "ami_id",
    "ami_name",
    "fingerprint",
    "git_commit",
    "image_origin",
    "launch_template_version",
    "auto_scaling_group",
    "rollout_status",
}


def run_program(
    monkeypatch: pytest.MonkeyPatch,
    *,
    stack: str = "dev",
    preview: bool = False,
    provider: Mapping[str, str] | None = None,
    **changes: str,
) -> tuple[mocked.RecordingMocks, dict[str, Any]]:
    """Run __main__.py with the default settings and these changes; return what it made and exported."""
    defaults = {key: entry["default"] for key, entry in PROJECT["config"].items()}
    config = {
        f"immutable-machines:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in {**defaults, **changes}.items()
    }
    exported: dict[str, pulumi.Output[Any]] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    set_all_config({**config, "aws:region": "eu-central-1", **(provider or {})})

    def program() -> pulumi.Output[Any]:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        return pulumi.Output.all(**exported)

    try:
        return mocked.run(program, stack=stack, preview=preview)
    finally:
        set_all_config({})


def dynamic(mocks: mocked.RecordingMocks, name: str) -> dict[str, Any]:
    """The inputs of the one dynamic resource of a class."""
    (resource,) = [one for one in mocks.resources if one.typ.endswith(f":{name}")]
    return dict(resource.inputs)


def test_exports_what_a_person_needs_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    _, outputs = run_program(monkeypatch, listenerPort="8080")

    assert set(outputs) == OUTPUTS
    assert len(outputs.pop("fingerprint")) == 64
    assert outputs == {
        "url": "http://web.elb.example:8080",
        "ami_id": "ami-0new",
        "ami_name": "web-app-0123456789ab",
        "git_commit": "4e5f6a7",
        "image_origin": "built",
        "launch_template_version": "7",
        "auto_scaling_group": "web-group-1234567",
        "rollout_status": "Successful",
    }


def test_only_an_available_image_of_this_account_that_packer_built_reaches_the_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mocks, _ = run_program(monkeypatch)

    (lookup,) = [arguments for token, arguments in mocks.calls if token == "aws:ec2/getAmi:getAmi"]
    assert lookup["owners"] == ["self"]
    assert lookup["filters"] == [
        {"name": "image-id", "values": ["ami-0new"]},
        {"name": "tag:Built-By", "values": ["packer"]},
        {"name": "state", "values": ["available"]},
    ]
    template = mocks.inputs_of(":LaunchTemplate")
    assert template["imageId"] == "ami-0new"
    assert template["blockDeviceMappings"][0]["deviceName"] == "/dev/sdz"


def test_the_rollout_brings_the_group_to_the_launch_templates_newest_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mocks, _ = run_program(monkeypatch, maxHealthyPercentage="200", instanceWarmupSeconds="0")

    rollout = dynamic(mocks, "InstanceRefresh")
    assert (
        rollout.items()
        >= {
            "region": "eu-central-1",
            "auto_scaling_group_name": "web-group-1234567",
            "launch_template_id": "web-app-dev-launch-template-id",
            "launch_template_version": "7",
            "ami_id": "ami-0new",
            "min_healthy_percentage": 100,
            "max_healthy_percentage": 200,
            "instance_warmup_seconds": 0,
            "skip_matching": True,
            "auto_rollback": True,
            "timeout_minutes": 120,
        }.items()
    )


def test_a_pin_reaches_the_image_and_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    pin = "ami-0123456789abcdef0"

    free, _ = run_program(monkeypatch)
    pinned, _ = run_program(monkeypatch, pinnedAmi=pin)

    assert dynamic(pinned, "PackerImage")["pinned_ami"] == pin
    assert {one.name for one in pinned.resources} == {one.name for one in free.resources}


def test_an_image_is_built_in_the_first_subnet_of_the_stacks_own_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subnets = '["subnet-0123456789abcdef0","subnet-0123456789abcdef1"]'

    recorder, _ = run_program(monkeypatch, vpcId="vpc-0123456789abcdef0", subnetIds=subnets)

    image = dynamic(recorder, "PackerImage")
    assert image["vpc_id"] == "vpc-0123456789abcdef0"
    assert image["subnet_id"] == "subnet-0123456789abcdef0"


def test_the_smoke_test_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with_it, _ = run_program(monkeypatch)
    without_it, _ = run_program(monkeypatch, smokeTest="false")

    assert any(one.typ == "command:local:Command" for one in with_it.resources)
    assert not any(one.typ == "command:local:Command" for one in without_it.resources)


@pytest.mark.parametrize(("smoke_test", "last"), [("true", "Command"), ("false", "InstanceRefresh")])
def test_an_image_is_marked_once_all_that_has_to_succeed_did(
    monkeypatch: pytest.MonkeyPatch, smoke_test: str, last: str
) -> None:
    mocks, _ = run_program(monkeypatch, smokeTest=smoke_test)

    kinds = [one.typ.rpartition(":")[2] for one in mocks.resources]

    mark = dynamic(mocks, "VerifiedMark")
    assert (mark["ami_id"], mark["stack"]) == ("ami-0new", "dev")
    assert kinds.index("VerifiedMark") > kinds.index(last)


def test_the_alarms_watch_the_load_balancer_and_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with_them, _ = run_program(monkeypatch, p99LatencyAlarmMilliseconds="500", maxHealthyPercentage="200")
    without_them, _ = run_program(monkeypatch, alarms="false")

    alarms = [one.inputs for one in with_them.all_of(":MetricAlarm")]
    thresholds = {alarm["metricName"]: alarm["threshold"] for alarm in alarms}
    assert thresholds == {
        "HTTPCode_Target_5XX_Count": 10,
        "UnHealthyHostCount": 2,
        "TargetResponseTime": 0.5,
    }
    assert dynamic(with_them, "InstanceRefresh")["alarm_names"] == [
        "web-app-dev-target-5xx-1234567",
        "web-app-dev-unhealthy-hosts-1234567",
        "web-app-dev-p99-latency-1234567",
    ]
    assert without_them.all_of(":MetricAlarm") == []
    assert not dynamic(without_them, "InstanceRefresh")["alarm_names"]


def test_secrets_reach_the_machines_and_their_versions_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret(
        name="db", arn="arn:aws:secretsmanager:r:1:secret:db-Ab12Cd", version="7", has_own_key=False
    )
    asked: list[object] = []

    def find(*asked_for: object) -> tuple[Secret, ...]:
        asked.append(asked_for)
        return (secret,)

    monkeypatch.setattr(secret_versions, "find_secrets", find)

    mocks, outputs = run_program(monkeypatch, secretNames='["db"]')

    assert asked == [(("db",), "eu-central-1")]
    assert outputs["secret_versions"] == {"db": "7"}
    assert mocks.inputs_of(":LaunchTemplate")["userData"] == user_data([secret], "eu-central-1")


def test_two_stacks_share_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for stack in ("dev", "prod"):
        mocks, _ = run_program(monkeypatch, stack=stack)
        names.append({one.name for one in mocks.resources if one.typ.startswith("aws:")})

    assert names[0].isdisjoint(names[1])


def test_no_resource_is_given_a_fixed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    mocks, _ = run_program(monkeypatch)

    assert [one.name for one in mocks.resources if one.typ.startswith("aws:") and "name" in one.inputs] == []


def test_bad_settings_end_the_program_each_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError, match="minSize is 'x'") as refusal:
        run_program(monkeypatch, minSize="x", maxsize="3")

    assert len(str(refusal.value).splitlines()) == 2


def test_credentials_for_pulumis_provider_alone_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError, match="aws:profile is set"):
        run_program(monkeypatch, provider={"aws:profile": "somebody-else"})
