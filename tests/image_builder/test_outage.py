"""That AWS does not answer is said: once, now and then, and when it is over."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from image_builder.amis import Amis
from image_builder.ec2_client import reason_and_advice
from image_builder.outage import Outage, trouble_of


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Http:
    """As much of an HTTP answer as is looked at."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def test_an_outage_is_said_at_its_beginning_now_and_then_and_at_its_end() -> None:
    said: list[str] = []
    clock = Clock()
    outage = Outage(said.append, clock)

    for clock.now, trouble in [(0, ""), (5, "Throttling"), (15, "Throttling"), (36, "ConnectionError")]:
        outage.note(trouble)
    clock.now = 50
    outage.note("")
    outage.note("")

    assert said == [
        "AWS does not answer (Throttling): waiting and trying again",
        "AWS has not answered for 31 s (ConnectionError): still trying",
        "AWS answers again, after 45 s",
    ]


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (200, "", ""),
        (400, "InvalidAMIID.NotFound", ""),
        (400, "RequestExpired", ""),
        (400, "Throttling", "Throttling"),
        (503, "RequestLimitExceeded", "RequestLimitExceeded"),
        (502, "", "502"),
    ],
)
def test_a_refusal_is_an_answer_and_throttling_is_none(status: int, code: str, trouble: str) -> None:
    assert trouble_of((Http(status), {"Error": {"Code": code}} if code else {}), None) == trouble


def test_no_connection_is_no_answer() -> None:
    assert trouble_of(None, EndpointConnectionError(endpoint_url="x")) == "EndpointConnectionError"


class Busy(BaseHTTPRequestHandler):
    """An EC2 that throttles the first request."""

    answers: ClassVar[list[tuple[int, str]]] = [
        (200, "<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>"),
        (503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"),
    ]

    def do_POST(self) -> None:
        """Answer a request."""
        status, body = self.answers.pop()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.mark.usefixtures("ec2")
def test_what_boto3_waits_out_in_silence_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")

        found = Amis.watched("us-east-1", said.append).find_by_tags(a="b")
        server.shutdown()

    assert found == []
    assert said[0] == "AWS does not answer (RequestLimitExceeded): waiting and trying again"
    assert said[1].startswith("AWS answers again, after ")


@pytest.mark.usefixtures("ec2")
def test_asking_whether_aws_answers_raises_nothing_but_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    hopelessness = Amis.watched("us-east-1", said.append).find_hopelessness()

    assert hopelessness == ""
    assert said == ["AWS does not answer (EndpointConnectionError): waiting and trying again"]


@pytest.mark.usefixtures("ec2")
def test_a_call_that_is_refused_is_an_answer_too() -> None:
    said: list[str] = []

    hopelessness = Amis.watched("us-east-1", said.append).find_hopelessness()

    assert (hopelessness, said) == ("", [])


def test_expired_credentials_are_to_be_renewed() -> None:
    expired, refused = (
        ClientError({"Error": {"Code": code}}, "DescribeImages")
        for code in ("RequestExpired", "UnauthorizedOperation")
    )

    assert reason_and_advice(expired).startswith(
        "RequestExpired at DescribeImages · the AWS credentials have expired: renew"
    )
    assert reason_and_advice(refused) == (
        "UnauthorizedOperation at DescribeImages · check credentials, permissions and region"
    )
