"""Which errors of AWS are waited out, for how long, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from infra.rollout.aws_errors import AwsError, explain, is_transient
from infra.rollout.patience import Patience


def refused(code: str, status: int = 400, message: str = "So\nit is") -> ClientError:
    """AWS's refusal of a request."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeInstanceRefreshes")  # type: ignore[arg-type]


THROTTLED = refused("Throttling")
PASSING: list[AwsError] = [
    THROTTLED,
    refused("RequestLimitExceeded", 503),
    refused("InternalFailure", 500),
    refused("ServiceUnavailable", 503),
    refused("SomethingNew", 502),
    refused("TooMany", 429),
    refused("ValidationError", message="Value (arn:1) is invalid. Invalid IAM Instance Profile ARN"),
    ReadTimeoutError(endpoint_url="https://ec2"),
    ConnectTimeoutError(endpoint_url="https://ec2"),
    ConnectionClosedError(endpoint_url="https://ec2"),
    EndpointConnectionError(endpoint_url="https://ec2"),
]
LASTING: list[AwsError] = [
    refused("AccessDenied", 403),
    refused("ExpiredToken", 403),
    refused("ValidationError"),
    SSLError(endpoint_url="https://ec2", error=OSError("certificate")),
    NoCredentialsError(),
]


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


class Answers:
    """AWS that fails with these errors and then answers."""

    def __init__(self, errors: Iterable[AwsError]) -> None:
        self._errors = iter(errors)

    def ask(self, *, name: str) -> str:
        for error in self._errors:
            raise error
        return f"the answer on {name}"


def patience_of(seconds: float, said: list[str], clock: Clock) -> Patience:
    return Patience(seconds=seconds, say=said.append, sleep=clock.sleep, clock=clock.read)


@pytest.mark.parametrize("error", PASSING)
def test_throttling_server_errors_and_lost_connections_are_waited_out(error: AwsError) -> None:
    clock, said = Clock(), list[str]()

    answer = patience_of(3600, said, clock).ask(Answers([error] * 3).ask, name="web")

    assert answer == "the answer on web"
    assert len(clock.sleeps) == 3


@pytest.mark.parametrize("error", LASTING)
def test_what_does_not_pass_by_itself_fails_at_once(error: AwsError) -> None:
    clock, said = Clock(), list[str]()

    with pytest.raises(type(error)):
        patience_of(3600, said, clock).ask(Answers([error]).ask, name="web")

    assert clock.sleeps == []
    assert said == []


def test_the_pauses_grow_to_a_limit_and_are_never_the_same_for_all() -> None:
    clock = Clock()

    patience_of(3600, [], clock).ask(Answers([THROTTLED] * 30).ask, name="web")

    assert 0.5 <= clock.sleeps[0] <= 1
    assert all(5 <= seconds <= 10 for seconds in clock.sleeps[4:])
    assert len(set(clock.sleeps)) > 20


def test_an_outage_is_said_with_its_reason_and_its_end_and_not_at_each_try() -> None:
    clock, said = Clock(), list[str]()

    patience_of(3600, said, clock).ask(Answers([THROTTLED] * 12).ask, name="web")

    assert said[0].startswith("AWS does not answer (Throttling: So it is) since ")
    assert said[0].endswith(" s, asking again")
    assert said[-1].startswith("AWS answers again after ")
    assert 3 <= len(said) <= clock.now / 15 + 3


def test_a_single_failure_is_not_worth_a_line() -> None:
    clock, said = Clock(), list[str]()

    patience_of(3600, said, clock).ask(Answers([THROTTLED]).ask, name="web")

    assert said == []


def test_patience_is_for_each_outage_and_not_used_up_by_work_that_goes_well() -> None:
    clock = Clock()
    patience = patience_of(60, [], clock)
    for _ in range(3):
        clock.sleep(100)

        assert patience.ask(Answers([THROTTLED] * 3).ask, name="web")


def test_all_patience_together_ends_with_the_total() -> None:
    clock = Clock()
    patience = Patience(
        seconds=3600, total_seconds=100, say=lambda _line: None, sleep=clock.sleep, clock=clock.read
    )
    clock.sleep(100)

    with pytest.raises(ClientError, match="Throttling"):
        patience.ask(Answers([THROTTLED]).ask, name="web")


def test_patience_ends_with_the_time_that_there_is() -> None:
    clock = Clock()

    with pytest.raises(ClientError, match="Throttling"):
        patience_of(120, [], clock).ask(Answers([THROTTLED] * 1000).ask, name="web")

    assert 120 <= clock.now <= 131


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("ExpiredToken", 403), "renew them and run pulumi up again; nothing was started"),
        (NoCredentialsError(), "renew them and run pulumi up again"),
        (
            refused("AccessDenied", 403),
            "DescribeInstanceRefreshes for web is not allowed (AccessDenied: So it",
        ),
        (
            refused("ValidationError"),
            "AWS refused DescribeInstanceRefreshes for web (ValidationError: So it is)",
        ),
        (THROTTLED, "AWS does not answer about web (Throttling: So it is) · an answer was expected"),
        (
            ClientError(
                {"Error": {"Code": "ValidationError", "Message": "AutoScalingGroup name not found - web"}},
                "DescribeInstanceRefreshes",
            ),
            "Auto Scaling group web is gone (ValidationError: AutoScalingGroup name not found - web)",
        ),
        (
            refused("IrreversibleInstanceRefresh"),
            "the instance refresh of web cannot be turned back (IrreversibleInstanceRefresh: So it is)",
        ),
    ],
)
def test_every_error_says_in_one_line_what_to_do(error: AwsError, words: str) -> None:
    line = explain(error, "web", "nothing was started")

    assert words in line
    assert "\n" not in line
    assert line.count(" · ") == 2


def test_every_error_that_is_tested_as_passing_is_called_so() -> None:
    assert all(is_transient(error) for error in PASSING)
    assert not any(is_transient(error) for error in LASTING)
