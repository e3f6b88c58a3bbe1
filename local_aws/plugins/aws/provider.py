"""The engine's side of the stand-in: pulumirpc.ResourceProvider over the resource types and functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlparse

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from local_aws.plugins.aws import auto_scaling, changes, cloudwatch, ec2, functions, iam, load_balancing
from local_aws.plugins.aws.resource import Clients, Gone, ResourceType, Values
from local_aws.plugins.command import diff_kind, to_dict, to_struct
from local_aws.plugins.command_properties import UNKNOWN, without_secrets
from local_aws.plugins.serving import serve_until_told

VERSION = "7.51.1"
T = TypeVar("T")

RESOURCES: dict[str, ResourceType] = {
    resource.token: resource
    for resource in (
        ec2.SecurityGroup(),
        ec2.SecurityGroupIngressRule(),
        ec2.SecurityGroupEgressRule(),
        ec2.LaunchTemplate(),
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
        full = resource.with_defaults(inputs, read_properties(request.olds), name)
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
        changed = sorted(changes.find_changed(olds, news))
        replaces = [name for name in changed if name in resource.forces_replacement]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            # A name that was given cannot be held by two resources at a time.
            deleteBeforeReplace=bool(replaces) and "name" in news and "name" not in changed,
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
        observed = _try(lambda: resource.read(self._aws, resource_id, inputs), request.urn, context)
        return provider_pb2.CreateResponse(
            id=resource_id, properties=to_struct(changes.to_state(inputs, observed))
        )

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        inputs = read_properties(request.inputs)
        try:
            observed = _try(lambda: resource.read(self._aws, request.id, inputs), request.urn, context)
        except Gone:
            return provider_pb2.ReadResponse()
        # An import knows nothing but the id: then all that AWS shows are inputs.
        refreshed = changes.to_refreshed_inputs(inputs, observed) if inputs else observed.inputs
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
        _try(lambda: resource.update(self._aws, request.id, inputs, changed), request.urn, context)
        observed = _try(lambda: resource.read(self._aws, request.id, inputs), request.urn, context)
        return provider_pb2.UpdateResponse(properties=to_struct(changes.to_state(inputs, observed)))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        resource = _find(request.urn, context)
        state = read_properties(request.properties)
        try:
            _try(lambda: resource.delete(self._aws, request.id, state), request.urn, context)
        except Gone:
            return empty_pb2.Empty()
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
    name = urn.rpartition("::")[2]
    try:
        return call()
    except ClientError as error:
        details = error.response.get("Error", {})
        line = f"{name}: {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    except (BotoCoreError, TimeoutError, NotImplementedError, functions.FunctionError) as error:
        line = f"{name}: {error}"
    context.abort(grpc.StatusCode.UNKNOWN, line)
    raise AssertionError("abort raises")


def _refuse(token: str, served: Any, context: grpc.ServicerContext) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{token} is not served by the local aws plugin · it serves {', '.join(sorted(served))} · "
        "use one of these, or AWS_PLUGIN=real",
    )
    raise AssertionError("abort raises")


def find_refusal_to_start(environment: dict[str, str]) -> str:
    """Why the stand-in may not run with *environment*; empty when it may. It never touches a real account."""
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    host = urlparse(endpoint).hostname or ""
    if host == "localhost" or host.startswith("127."):
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
