"""Each service's own words for an error, in its own protocol.

EC2: EC2 API reference, "Error codes"; the others: their API references, "Common errors" ("Common parameters
and errors"). The shapes are those that botocore and the SDK for Go parse: ec2, query and json.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from local_aws.faults.call import Call
from local_aws.faults.exchange import Answer

_CODE_IN_XML = re.compile(rb"<Code>([\w.]+)</Code>")
_CODE_IN_JSON = re.compile(rb'"__type"\s*:\s*"(?:[\w.]*#)?([\w.]+)"')
_REASONS = {400: "Bad Request", 403: "Forbidden", 500: "Internal Server Error", 503: "Service Unavailable"}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An error as AWS words it."""

    status: int
    code: str
    message: str


EC2 = {
    "throttling": Refusal(status=503, code="RequestLimitExceeded", message="Request limit exceeded."),
    "server-error": Refusal(status=500, code="InternalError", message="An internal error has occurred"),
    "expired-credentials": Refusal(status=400, code="RequestExpired", message="Request has expired."),
}
QUERY = {
    "throttling": Refusal(status=400, code="Throttling", message="Rate exceeded"),
    "server-error": Refusal(
        status=500,
        code="InternalFailure",
        message="The request processing has failed because of an unknown error, exception or failure.",
    ),
    "expired-credentials": Refusal(
        status=403, code="ExpiredToken", message="The security token included in the request is expired"
    ),
}
JSON = {
    "throttling": Refusal(status=400, code="ThrottlingException", message="Rate exceeded"),
    "server-error": QUERY["server-error"],
    "expired-credentials": Refusal(
        status=400,
        code="ExpiredTokenException",
        message="The security token included in the request is expired",
    ),
}


def refusal_of(kind: str, call: Call) -> Refusal:
    """How the service of *call* words a fault of *kind*."""
    if call.is_json:
        return JSON[kind]
    return EC2[kind] if call.service == "ec2" else QUERY[kind]


def answer_of(refusal: Refusal, call: Call) -> Answer:
    """*refusal* in the protocol of *call*."""
    if call.is_json:
        body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
        content_type = "application/x-amz-json-1.1"
    else:
        body = _xml(refusal, call).encode()
        content_type = "text/xml"
    return Answer(
        status=f"{refusal.status} {_REASONS[refusal.status]}",
        headers=(("Content-Type", content_type), ("Content-Length", str(len(body)))),
        body=body,
    )


def _xml(refusal: Refusal, call: Call) -> str:
    words = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    if call.service == "ec2":
        return f"<Response><Errors><Error>{words}</Error></Errors><RequestID>fault</RequestID></Response>"
    who = "Receiver" if refusal.status >= 500 else "Sender"
    error = f"<Error><Type>{who}</Type>{words}</Error>"
    return f"<ErrorResponse>{error}<RequestId>fault</RequestId></ErrorResponse>"


def error_code(answer: Answer) -> str | None:
    """The code of the error that *answer* is; None when it is none."""
    if answer.code < 400:
        return None
    match = _CODE_IN_XML.search(answer.body) or _CODE_IN_JSON.search(answer.body)
    return match.group(1).decode() if match else None
