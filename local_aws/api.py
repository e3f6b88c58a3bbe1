"""The API's front: moto's application behind a door that lets in only what the local AWS means to serve."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any, cast
from xml.sax.saxutils import escape

from moto.ec2.models import EC2Backend, ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from local_aws.home import ACCOUNT_ID, Home, world_lock

STATUS_PATH = "/local-aws/status"
# The service's name in the signature of each request: Signature Version 4, "credential scope".
SERVICES = frozenset(
    {
        "autoscaling",
        "ec2",
        "elasticloadbalancing",
        "iam",
        "kms",
        "logs",
        "monitoring",
        "secretsmanager",
        "ssm",
        "sts",
    }
)
CREDENTIAL_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def service_of(authorization: str) -> str | None:
    """The AWS service that a signed request is for."""
    match = CREDENTIAL_SCOPE.search(authorization)
    return match.group(1) if match else None


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

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO") == STATUS_PATH:
            body = json.dumps(status(self._home)).encode()
            return _answer(start_response, "200 OK", "application/json", body)
        reason = refusal(environ)
        if reason:
            return _refuse(environ, start_response, reason)
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


def make_api_server(home: Home, listener: socket.socket) -> BaseWSGIServer:
    """A server of the API on the socket *listener*, one thread for each request."""
    host, port = listener.getsockname()[:2]
    return make_server(
        host, port, Api(home), threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
    )
