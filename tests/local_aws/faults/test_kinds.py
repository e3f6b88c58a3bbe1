"""Each kind of fault, as a real client of AWS meets it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from local_aws.home import Home
from tests.local_aws.faults.conftest import MakeClient
from tests.support.faults import Faults
from tests.support.local_aws import process_environment, wait_until


def key_names(ec2: Any) -> set[str]:
    """The key pairs that there are."""
    return {key["KeyName"] for key in ec2.describe_key_pairs()["KeyPairs"]}


def started(call: Callable[[], Any]) -> Future[Any]:
    """*call*, begun in a thread of its own."""
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future


@pytest.mark.parametrize(
    ("service", "action", "kind", "status", "code"),
    [
        ("ec2", "DescribeVpcs", "throttling", 503, "RequestLimitExceeded"),
        ("autoscaling", "DescribeAutoScalingGroups", "throttling", 400, "Throttling"),
        ("elbv2", "DescribeLoadBalancers", "throttling", 400, "Throttling"),
        ("iam", "ListRoles", "throttling", 400, "Throttling"),
        ("ssm", "DescribeParameters", "throttling", 400, "ThrottlingException"),
        ("cloudwatch", "DescribeAlarms", "throttling", 400, "ThrottlingException"),
        ("ec2", "DescribeVpcs", "server-error", 500, "InternalError"),
        ("autoscaling", "DescribeAutoScalingGroups", "server-error", 500, "InternalFailure"),
        ("secretsmanager", "ListSecrets", "server-error", 500, "InternalFailure"),
        ("ec2", "DescribeVpcs", "expired-credentials", 400, "RequestExpired"),
        ("sts", "GetCallerIdentity", "expired-credentials", 403, "ExpiredToken"),
        ("kms", "ListKeys", "expired-credentials", 400, "ExpiredTokenException"),
    ],
)
def test_a_service_refuses_in_its_own_words(
    client: MakeClient, faults: Faults, service: str, action: str, kind: str, status: int, code: str
) -> None:
    faults.inject(f"*:{action}", kind)
    aws = client(service)
    method = next(name for name, known in aws.meta.method_to_api_mapping.items() if known == action)

    with pytest.raises(ClientError) as caught:
        getattr(aws, method)()

    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    call = faults.calls(f"*:{action}")[-1]
    assert (call.served, call.status, call.error_code, call.kind) == (False, status, code, kind)


def test_a_dropped_call_is_not_served(client: MakeClient, faults: Faults) -> None:
    faults.inject("ec2:CreateKeyPair", "dropped")

    with pytest.raises(ConnectionClosedError):
        client("ec2").create_key_pair(KeyName="dropped")

    assert "dropped" not in key_names(client("ec2"))
    call = faults.calls("ec2:CreateKeyPair")[-1]
    assert (call.served, call.status) == (False, None)


def test_a_call_dropped_after_it_was_served_has_done_its_work(client: MakeClient, faults: Faults) -> None:
    faults.inject("ec2:CreateKeyPair", "dropped-after")

    with pytest.raises(ConnectionClosedError):
        client("ec2").create_key_pair(KeyName="dropped-after")

    assert "dropped-after" in key_names(client("ec2"))
    assert faults.calls("ec2:CreateKeyPair")[-1].served


def test_a_call_that_times_out_is_neither_answered_nor_served(client: MakeClient, faults: Faults) -> None:
    faults.inject("ec2:CreateKeyPair", "timeout")

    with pytest.raises(ReadTimeoutError):
        client("ec2", read_timeout=1).create_key_pair(KeyName="timeout")

    assert "timeout" not in key_names(client("ec2"))


def test_a_time_out_ends_with_the_seconds_of_its_fault(client: MakeClient, faults: Faults) -> None:
    ec2 = client("ec2", read_timeout=60)
    ec2.describe_vpcs()
    faults.inject("ec2:DescribeVpcs", "timeout", seconds=5)

    with pytest.raises(ConnectionClosedError):
        ec2.describe_vpcs()

    assert client("ec2").describe_vpcs()["Vpcs"]


def test_a_stale_read_answers_as_before_the_fault_and_a_new_one_as_when_it_was_first_asked(
    client: MakeClient, faults: Faults
) -> None:
    ec2 = client("ec2")
    before = key_names(ec2)
    fault = faults.inject("ec2:*", "stale")
    ec2.create_key_pair(KeyName="unseen")

    assert key_names(ec2) == before
    assert len(ec2.describe_key_pairs(KeyNames=["unseen"])["KeyPairs"]) == 1
    ec2.delete_key_pair(KeyName="unseen")
    assert len(ec2.describe_key_pairs(KeyNames=["unseen"])["KeyPairs"]) == 1
    faults.release(fault)
    with pytest.raises(ClientError, match=r"InvalidKeyPair\.NotFound"):
        ec2.describe_key_pairs(KeyNames=["unseen"])
    assert faults.hits(fault) == 3  # reads only


def test_a_held_call_is_served_when_it_is_released(client: MakeClient, faults: Faults) -> None:
    fault = faults.inject("ec2:CreateKeyPair", "hold")

    held = started(lambda: client("ec2", read_timeout=60).create_key_pair(KeyName="held"))
    wait_until(lambda: faults.hits(fault) == 1, "the call is held")

    assert "held" not in key_names(client("ec2"))
    assert faults.calls("ec2:CreateKeyPair")[-1].is_under_way
    faults.release(fault)
    assert held.result(timeout=30)["KeyName"] == "held"
    assert "held" in key_names(client("ec2"))


def test_an_answer_is_kept_until_it_is_released(client: MakeClient, faults: Faults) -> None:
    fault = faults.inject("ec2:CreateKeyPair", "hold-after")

    held = started(lambda: client("ec2", read_timeout=60).create_key_pair(KeyName="kept"))
    wait_until(lambda: "kept" in key_names(client("ec2")), "the call is served")

    assert not held.done()
    faults.clear()
    assert held.result(timeout=30)["KeyName"] == "kept"
    assert faults.hits(fault) == 1


@pytest.mark.parametrize(("kind", "is_served"), [("hold", False), ("hold-after", True)])
def test_the_client_of_a_held_call_may_be_killed(
    home: Home, client: MakeClient, faults: Faults, kind: str, *, is_served: bool
) -> None:
    fault = faults.inject("ec2:CreateKeyPair", kind)
    name = f"killed-{kind}"
    program = f"import boto3; boto3.client('ec2').create_key_pair(KeyName={name!r})"
    with subprocess.Popen([sys.executable, "-c", program], env=process_environment(home)) as process:
        wait_until(lambda: faults.hits(fault) == 1, "the call is held")
        process.kill()

    faults.release(fault)
    wait_until(lambda: not faults.calls("ec2:CreateKeyPair")[-1].is_under_way, "the call is over")

    assert (name in key_names(client("ec2"))) is is_served
    assert faults.calls("ec2:CreateKeyPair")[-1].served is is_served


def test_a_fault_lets_calls_pass_first_and_meets_as_many_as_it_is_told(
    client: MakeClient, faults: Faults
) -> None:
    fault = faults.inject("ec2:DescribeVpcs", "server-error", after=1, count=2)
    ec2 = client("ec2")

    outcomes = [_succeeds(ec2.describe_vpcs) for _ in range(5)]

    assert outcomes == [True, False, False, True, True]
    assert faults.hits(fault) == 2


def test_a_fault_for_one_user_agent_leaves_others_alone(client: MakeClient, faults: Faults) -> None:
    faults.inject("*", "throttling", user_agent="packer")

    assert not _succeeds(client("ec2", user_agent="HashiCorp/1.0 Packer/1.15").describe_vpcs)
    assert _succeeds(client("ec2").describe_vpcs)


def test_a_fault_is_over_by_itself_after_its_seconds(client: MakeClient, faults: Faults) -> None:
    ec2 = client("ec2")
    faults.inject("*", "throttling", seconds=1)

    wait_until(lambda: _succeeds(ec2.describe_vpcs), "the throttling is over", seconds=60)


def test_the_journal_has_no_secret_and_no_parameter(client: MakeClient, faults: Faults) -> None:
    client("ssm").put_parameter(Name="planted-name", Value="planted-value", Type="SecureString")

    calls = faults.calls("ssm:*")

    assert calls[-1].action == "ssm:PutParameter"
    assert "Boto3" in calls[-1].user_agent
    assert "planted" not in str(calls)


def test_calls_are_listed_from_a_sequence_number_on(client: MakeClient, faults: Faults) -> None:
    client("ec2").describe_vpcs()
    last = faults.calls()[-1].sequence

    client("sts").get_caller_identity()

    assert [call.action for call in faults.calls(since=last)] == ["sts:GetCallerIdentity"]


def test_calls_that_many_threads_make_are_all_counted(client: MakeClient, faults: Faults) -> None:
    fault = faults.inject("ec2:DescribeVpcs", "throttling", count=20)
    ec2 = client("ec2")
    threads = [threading.Thread(target=_succeeds, args=(ec2.describe_vpcs,)) for _ in range(30)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults.hits(fault) == 20


def _succeeds(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError:
        return False
    return True
