"""The API's front: moto's application behind a door that lets in only what the local AWS means to serve."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any, cast
from xml.sax.saxutils import escape

from moto.ec2.models import EC2Backend, ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from local_aws.faults.call import read_call, service_of
from local_aws.faults.control import Control
from local_aws.faults.door import Door
from local_aws.faults.errors import answer_of
from local_aws.faults.exchange import Environ, StartResponse, read_body
from local_aws.faults.fault import MODELS
from local_aws.home import ACCOUNT_ID, Home, world_lock
from local_aws.identity.permissions import refuse
from local_aws.machines.ec2_backend import LocalEC2Backend
from local_aws.whole_answers import WholeAnswers

STATUS_PATH = "/local-aws/status"
CONTROL_PATH = "/local-aws/"
# The services that it has, by their names in the signature of each request.
SERVICES = frozenset(MODELS)


def refusal(environ: Environ) -> str | None:
    """Why the request is not served; None when it is."""
    service = service_of(environ.get("HTTP_AUTHORIZATION", ""))
    if service is None:
        return (
            "the request is not signed · every request to AWS is · "
            "set the variables that `python -m local_aws env` prints"
        )
    if service not in SERVICES:
        return f"the local AWS does not implement {service} · it has {', '.join(sorted(SERVICES))}"
    return None


class Api:
    """The WSGI application."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._door = Door(self._serve)
        self._control = Control(self._door, LocalEC2Backend.machines)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == STATUS_PATH:
            body = json.dumps(status(self._home)).encode()
            return _answer(start_response, "200 OK", "application/json", body)
        if path.startswith(CONTROL_PATH):
            return self._control(environ, start_response)
        return self._door(environ, start_response)

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        reason = refusal(environ)
        if reason:
            return _refuse(environ, start_response, reason)
        body = read_body(environ)
        call = read_call(environ, body)
        if not_permitted := refuse(call, environ, body):
            denied = answer_of(not_permitted, call)
            start_response(denied.status, list(denied.headers))
            return [denied.body]
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


def status(home: Home) -> dict[str, Any]:
    """What `python -m local_aws status --json` says of a server that runs."""
    with world_lock:
        machines = [
            {
                "instance_id": instance.id,
                "state": instance.state,
                "address": instance.private_ip,
                "ami_id": instance.image_id,
                "region": region,
            }
            for account, region, backend in ec2_backends.iter_backends()
            if account == ACCOUNT_ID
            for instance in cast(EC2Backend, backend).all_instances()
            if instance.state != "terminated"
        ]
    return {"generation": home.generation, "machines": machines}


def _refuse(environ: Environ, start_response: StartResponse, message: str) -> list[bytes]:
    """An error in the form that the asker's protocol has: JSON where a target is named, XML elsewhere."""
    code = "UnsupportedOperation"
    if "HTTP_X_AMZ_TARGET" in environ:
        body = json.dumps({"__type": code, "message": message}).encode()
        return _answer(start_response, "400 Bad Request", "application/x-amz-json-1.1", body)
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>local-aws</RequestId></ErrorResponse>".encode()
    return _answer(start_response, "400 Bad Request", "text/xml", body)


def _answer(start_response: StartResponse, code: str, content_type: str, body: bytes) -> list[bytes]:
    start_response(code, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def make_api_server(api: Api, listener: socket.socket) -> BaseWSGIServer:
    """A server of *api* on the socket *listener*, one thread for each request."""
    is_unix = listener.family == socket.AF_UNIX
    host, port = ("unix://", 0) if is_unix else listener.getsockname()[:2]
    return make_server(host, port, api, threaded=True, request_handler=WholeAnswers, fd=listener.fileno())
