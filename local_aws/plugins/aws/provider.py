"""The engine's side of the stand-in: pulumirpc.ResourceProvider over the resource types and functions."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlparse

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from local_aws.plugins.aws import (
    auto_scaling,
    changes,
    cloudwatch,
    ec2,
    functions,
    iam,
    launch_template,
    load_balancing,
)
from local_aws.plugins.aws.resource import MADE_UP, Clients, Gone, NameTooLong, Observed, ResourceType, Values
from local_aws.plugins.command import diff_kind, to_dict, to_struct
from local_aws.plugins.command_properties import UNKNOWN, Failure, without_secrets
from local_aws.plugins.serving import serve_until_told

VERSION = "7.51.1"
T = TypeVar("T")

RESOURCES: dict[str, ResourceType] = {
    resource.token: resource
    for resource in (
        ec2.SecurityGroup(),
        ec2.SecurityGroupIngressRule(),
        ec2.SecurityGroupEgressRule(),
        launch_template.LaunchTemplate(),
        iam.Role(),
        iam.RolePolicy(),
        iam.RolePolicyAttachment(),
        iam.InstanceProfile(),
        load_balancing.LoadBalancer(),
        load_balancing.TargetGroup(),
        load_balancing.Listener(),
        auto_scaling.Group(),
        auto_scaling.Policy(),
        cloudwatch.MetricAlarm(),
    )
}
EXPECTED = (ClientError, BotoCoreError, TimeoutError, NotImplementedError, Gone, functions.FunctionError)
PROVIDER_CONFIG = frozenset({"region", "version"})


def read_properties(struct: Any) -> Values:
    """Properties as plain values: secrets unwrapped, and whole numbers as what they are."""
    plain: Values = to_whole_numbers(without_secrets(to_dict(struct)))
    return plain


def to_whole_numbers(value: Any) -> Any:
    """A protobuf Struct knows floats only."""
    if isinstance(value, dict):
        return {key: to_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def has_unknown(value: Any) -> bool:
    """Whether a preview's placeholder is somewhere in *value*."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine with what AWS, at AWS_ENDPOINT_URL, says."""

    def __init__(self) -> None:
        self._aws = Clients(region=os.environ.get("AWS_REGION", "us-east-1"))

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        refused = sorted(read_properties(request.news).keys() - PROVIDER_CONFIG)
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[
                provider_pb2.CheckFailure(
                    property=name,
                    reason=f"aws:{name} is not supported by the local aws plugin · aws:region alone was "
                    "expected · leave it out, or use AWS_PLUGIN=real",
                )
                for name in refused
            ],
        )

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        region = read_properties(request.args).get("region")
        if isinstance(region, str) and region != UNKNOWN:
            self._aws = Clients(region=region)
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        inputs = read_properties(request.news)
        failures = changes.find_failures(resource, inputs)
        name = request.urn.rpartition("::")[2]
        try:
            full = resource.with_defaults(inputs, read_properties(request.olds), name)
        except NameTooLong as refusal:
            full = inputs
            reason = f"could not make instance of '{resource.token}': {refusal}"
            failures.append(Failure(property="name", reason=reason))
        return provider_pb2.CheckResponse(
            inputs=to_struct(full),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in failures
            ],
        )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        olds, news = read_properties(request.old_inputs), read_properties(request.news)
        differing = changes.find_changed(olds, news)
        changed, replaces = sorted(differing), sorted(resource.find_replacing(differing, olds, news))
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            # Two resources cannot have one name; where it was made up, the new resource gets another one.
            deleteBeforeReplace=bool(replaces)
            and "name" in news
            and "name" not in (*changed, *news.get(MADE_UP, ["name"])),
            hasDetailedDiff=True,
            detailedDiff={
                name: provider_pb2.PropertyDiff(
                    kind=diff_kind(name in olds, name in news, name in replaces), inputDiff=True
                )
                for name in changed
            },
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        inputs = read_properties(request.properties)
        if request.preview:
            unknown = dict.fromkeys(resource.computed_names - inputs.keys(), UNKNOWN)
            return provider_pb2.CreateResponse(properties=to_struct({**unknown, **inputs}))
        resource_id = _try(lambda: resource.create(self._aws, inputs), request.urn, context)

        def complete() -> Observed:
            resource.complete(self._aws, resource_id, inputs)
            return resource.read(self._aws, resource_id, inputs)

        try:
            observed = complete()
        except Exception as error:
            # It exists: the engine keeps its id, and the next update completes it.
            _abort_half_made(resource_id, inputs, describe(error, request.urn), context)
        return provider_pb2.CreateResponse(
            id=resource_id, properties=to_struct(changes.to_state(inputs, observed))
        )

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        inputs = read_properties(request.inputs)

        def look() -> Observed | None:
            with contextlib.suppress(Gone):
                return resource.read(self._aws, request.id, inputs)
            return None

        observed = _try(look, request.urn, context)
        if observed is None:
            return provider_pb2.ReadResponse()
        refreshed = (
            changes.to_refreshed_inputs(resource, inputs, observed)
            if inputs
            else changes.to_imported_inputs(observed)
        )
        return provider_pb2.ReadResponse(
            id=request.id,
            inputs=to_struct(refreshed),
            properties=to_struct(changes.to_state(refreshed, observed)),
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        state, inputs = read_properties(request.olds), read_properties(request.news)
        changed = changes.find_changed(read_properties(request.old_inputs), inputs)
        if request.preview:
            unknown = dict.fromkeys(resource.names_unknown_after(changed), UNKNOWN)
            return provider_pb2.UpdateResponse(properties=to_struct({**state, **inputs, **unknown}))

        def change() -> Observed:
            if changed:
                resource.update(self._aws, request.id, inputs, changed)
            else:
                # The engine asks for an update without a change where creating was not completed.
                resource.complete(self._aws, request.id, inputs)
            return resource.read(self._aws, request.id, inputs)

        observed = _try(change, request.urn, context)
        return provider_pb2.UpdateResponse(properties=to_struct(changes.to_state(inputs, observed)))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        state = read_properties(request.properties)

        def delete() -> None:
            with contextlib.suppress(Gone):
                resource.delete(self._aws, request.id, state)

        _try(delete, request.urn, context)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if request.tok not in functions.FUNCTIONS:
            _refuse(request.tok, functions.FUNCTIONS, context)
        arguments = read_properties(request.args)
        if has_unknown(arguments):
            return provider_pb2.InvokeResponse(**{"return": to_struct({})})
        answer = _try(lambda: functions.call(self._aws, request.tok, arguments), f"x::{request.tok}", context)
        return provider_pb2.InvokeResponse(**{"return": to_struct(answer)})

    def Call(self, request: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        _refuse(request.tok, RESOURCES, context)

    def Construct(self, request: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        _refuse(request.type, RESOURCES, context)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return empty_pb2.Empty()


def _find(urn: str, context: grpc.ServicerContext) -> ResourceType:
    token = urn.split("::")[2].rpartition("$")[2]
    if token not in RESOURCES:
        _refuse(token, RESOURCES, context)
    return RESOURCES[token]


def _try(call: Callable[[], T], urn: str, context: grpc.ServicerContext) -> T:
    """What *call* returns; AWS's refusal becomes one line that names the resource."""
    try:
        return call()
    except EXPECTED as error:
        context.abort(grpc.StatusCode.UNKNOWN, describe(error, urn))
        raise AssertionError("abort raises") from error


def describe(error: Exception, urn: str) -> str:
    """One line for *error*, which names the resource."""
    name = urn.rpartition("::")[2]
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return f"{name}: {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    if isinstance(error, Gone):
        return f"{name}: {error} is gone · it was made here and expected to exist · run pulumi refresh"
    return f"{name}: {error}"


def _abort_half_made(
    resource_id: str, inputs: Values, reason: str, context: grpc.ServicerContext
) -> NoReturn:
    """Tell the engine of a resource that exists and is not complete (pulumi/sdk, InitError)."""
    half_made = provider_pb2.ErrorResourceInitFailed(
        id=resource_id, properties=to_struct(inputs), inputs=to_struct(inputs), reasons=[reason]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
    status.details.add().Pack(half_made)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, reason)
    raise AssertionError("abort raises")


def _refuse(token: str, served: Any, context: grpc.ServicerContext) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{token} is not served by the local aws plugin · it serves {', '.join(sorted(served))} · "
        "use one of these, or AWS_PLUGIN=real",
    )
    raise AssertionError("abort raises")


def is_on_this_machine(url: str) -> bool:
    """Whether *url* names a loopback address; a host name is one only when it is localhost."""
    with contextlib.suppress(ValueError):
        host = urlparse(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    return False


def find_refusal_to_start(environment: dict[str, str]) -> str:
    """Why the stand-in may not run with *environment*; empty when it may. It never touches a real account."""
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if is_on_this_machine(endpoint):
        return ""
    return (
        f"pulumi-resource-aws (local): AWS_ENDPOINT_URL is {endpoint!r} · an address of this machine was "
        'expected · run eval "$(make -s env)", or take local_aws/plugins/bin off PATH to use the real plugin'
    )


def main() -> None:
    """Serve until the engine interrupts this process or is gone."""
    refusal = find_refusal_to_start(dict(os.environ))
    if refusal:
        sys.exit(refusal)
    serve_until_told(AwsProvider()).stop(grace=1).wait()
