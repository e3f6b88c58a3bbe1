"""The commands faults and calls, on a running local AWS."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws import lifecycle
from local_aws.__main__ import main
from local_aws.home import Home
from tests.local_aws.faults.conftest import MakeClient
from tests.local_aws.faults.test_kinds import started
from tests.support.faults import Faults
from tests.support.local_aws import ec2_client, running_local_aws, wait_until


@pytest.mark.usefixtures("faults")
def test_a_fault_is_added_listed_and_cleared(
    home: Home, client: MakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--home", str(home.folder)]

    assert main(["faults", "add", "ec2:DescribeVpcs", "throttling", "--count", "5", *where]) == 0
    fault_id = capsys.readouterr().out.strip()
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        client("ec2").describe_vpcs()
    assert main(["faults", "list", *where]) == 0
    listed = capsys.readouterr().out.splitlines()[-1]
    assert main(["faults", "clear", *where]) == 0
    client("ec2").describe_vpcs()

    assert listed == f"{fault_id}  in force  1 hits  ec2:DescribeVpcs  throttling  count=5"


def test_calls_are_shown_with_their_ends(
    home: Home, client: MakeClient, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    fault_id = faults.inject("ec2:DescribeVpcs", "server-error", count=1)
    with pytest.raises(ClientError):
        client("ec2").describe_vpcs()
    client("ec2").describe_vpcs()

    assert main(["calls", "ec2:DescribeVpcs", "--home", str(home.folder)]) == 0
    failed, served = capsys.readouterr().out.splitlines()[-2:]
    assert main(["calls", "ec2:DescribeVpcs", "--json", "--home", str(home.folder)]) == 0
    calls = json.loads(capsys.readouterr().out)

    assert "  ec2:DescribeVpcs  500 InternalError  " in failed
    assert f"  {fault_id} server-error, not served  Boto3/" in failed
    assert "  ec2:DescribeVpcs  200  " in served
    assert [call["status"] for call in calls[-2:]] == [500, 200]


def test_what_the_server_refuses_is_said_in_its_words(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "add", "ec2:Nothing", "dropped", "--home", str(home.folder)]) == 1
    assert "action 'ec2:Nothing' matches nothing" in capsys.readouterr().err
    assert main(["faults", "release", "fault-0", "--home", str(home.folder)]) == 1
    assert "there is no fault 'fault-0'" in capsys.readouterr().err


def test_a_local_aws_that_does_not_run_has_no_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faults", "list", "--home", str(tmp_path)]) == 1

    assert f"the local AWS of {tmp_path} does not run" in capsys.readouterr().err


def test_held_calls_do_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    with running_local_aws(tmp_path) as home:
        faults = Faults(home)
        fault = faults.inject("ec2:*", "hold")
        held = started(ec2_client(home).describe_vpcs)
        wait_until(lambda: faults.hits(fault) == 1, "the call is held")

        began = time.monotonic()
        lifecycle.stop(home.folder, print)

        assert time.monotonic() - began < 20
        assert held.exception(timeout=120) is not None
