"""What the HTTP routes beside the AWS API do: put faults in, show the calls, trouble machines.

GET /local-aws/faults                  all faults             POST /local-aws/faults             put one in
POST /local-aws/faults/FAULT/release   end that one           DELETE /local-aws/faults           end all
GET /local-aws/calls?action=GLOB&since=SEQUENCE               the calls there were
POST /local-aws/images                                        many AMIs at once: records/images.py
POST /local-aws/machines/INSTANCE|next/TROUBLE                what befalls a machine: machines/troubles.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from local_aws.faults.door import Door
from local_aws.faults.exchange import Environ, StartResponse, read_body
from local_aws.faults.fault import fault_from_json
from local_aws.home import LocalAwsError
from local_aws.machines.control import befall
from local_aws.machines.machines import Machines
from local_aws.records.images import register_images

FAULTS = "/local-aws/faults"
CALLS = "/local-aws/calls"


class Control:
    """A WSGI application that answers in JSON: what was asked for, or {"error": one line}."""

    def __init__(self, door: Door, machines: Machines) -> None:
        self._door = door
        self._machines = machines

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            status, answer = HTTPStatus.OK, self._do(environ)
        except LocalAwsError as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        body = json.dumps(answer).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _do(self, environ: Environ) -> Any:
        faults = self._door.faults
        match environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/local-aws/").split("/"):
            case "GET", ["faults"]:
                return faults.list()
            case "POST", ["faults"]:
                fault = fault_from_json(_json(environ))
                earlier = self._door.memory.all() if fault.kind == "stale" else {}
                return {"fault_id": faults.add(fault, earlier).fault_id}
            case "POST", ["faults", fault_id, "release"]:
                return faults.release(fault_id)
            case "DELETE", ["faults"]:
                return faults.clear()
            case "GET", ["calls"]:
                query = parse_qs(environ.get("QUERY_STRING", ""))
                return self._door.journal.list(query.get("action", ["*"])[0], _since(query))
            case "POST", ["images"]:
                return register_images(self._machines, _json(environ))
            case "POST", ["machines", instance_id, trouble]:
                return befall(self._machines, instance_id, trouble, _json(environ))
            case method, _:
                raise LocalAwsError(
                    f"{method} {environ['PATH_INFO']} is nothing here · "
                    "`python -m local_aws --help` shows what there is"
                )


def _json(environ: Environ) -> Any:
    body = read_body(environ)
    try:
        return json.loads(body)
    except ValueError as error:
        raise LocalAwsError(f"the request's body is not JSON ({error}) · an object was expected") from error


def _since(query: dict[str, list[str]]) -> int:
    text = query.get("since", ["0"])[0]
    if not text.isdecimal():
        raise LocalAwsError(f"since {text!r} · the sequence number of a call was expected")
    return int(text)
