"""A stand-in for `pulumi-resource-command`: serves command:local:Command, refuses all else by its name."""

import secrets
import sys
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from local_aws.plugins import command_properties as properties
from local_aws.plugins.command_process import CommandError, Output, Runner
from local_aws.plugins.serving import serve_until_told

VERSION = "1.2.1"


def to_dict(struct: Any) -> dict[str, Any]:
    """Return the properties of a protobuf Struct."""
    return dict(json_format.MessageToDict(struct))


def to_struct(values: dict[str, Any]) -> Any:
    """Return *values* as a protobuf Struct."""
    return json_format.ParseDict(values, struct_pb2.Struct())


def read_output(state: dict[str, Any]) -> Output:
    """Return what the previous command printed, according to the resource's state."""
    plain = properties.without_secrets(state)
    return Output(stdout=plain.get("stdout") or "", stderr=plain.get("stderr") or "")


class CommandProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine; the running commands are in *runner*."""

    def __init__(self, engine_address: str, runner: Runner) -> None:
        self._engine_address = engine_address
        self._runner = runner

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        self._engine_address = request.engine_address or self._engine_address
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        _require_supported(request.urn, context)
        inputs = to_dict(request.news)
        failures = properties.check(inputs)
        return provider_pb2.CheckResponse(
            inputs=to_struct(properties.with_defaults(inputs)),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in failures
            ],
        )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        _require_supported(request.urn, context)
        olds, news = to_dict(request.old_inputs), to_dict(request.news)
        changed = properties.changed_properties(olds, news)
        replacing = properties.replacing_properties(changed)
        kinds = {name: diff_kind(name in olds, name in news, name in replacing) for name in changed}
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replacing,
            hasDetailedDiff=True,
            detailedDiff={
                name: provider_pb2.PropertyDiff(kind=kind, inputDiff=True) for name, kind in kinds.items()
            },
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        _require_supported(request.urn, context)
        inputs = to_dict(request.properties)
        if request.preview:
            unknown = properties.with_outputs(inputs, properties.UNKNOWN, properties.UNKNOWN)
            return provider_pb2.CreateResponse(properties=to_struct(unknown))
        output = self._run(request.urn, inputs, properties.read_command(inputs).create, Output(), context)
        name = request.urn.rpartition("::")[2]
        return provider_pb2.CreateResponse(
            id=f"{name}{secrets.token_hex(4)}",
            properties=to_struct(properties.with_outputs(inputs, output.stdout, output.stderr)),
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        _require_supported(request.urn, context)
        inputs = to_dict(request.news)
        if request.preview:
            unknown = properties.with_outputs(inputs, properties.UNKNOWN, properties.UNKNOWN)
            return provider_pb2.UpdateResponse(properties=to_struct(unknown))
        previous = read_output(to_dict(request.olds))
        command = properties.read_command(inputs).on_update()
        output = self._run(request.urn, inputs, command, previous, context)
        return provider_pb2.UpdateResponse(
            properties=to_struct(properties.with_outputs(inputs, output.stdout, output.stderr))
        )

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        _require_supported(request.urn, context)
        state = to_dict(request.properties)
        self._run(request.urn, state, properties.read_command(state).delete, read_output(state), context)
        return empty_pb2.Empty()

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        _require_supported(request.urn, context)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        _refuse(request.tok, context)

    def Call(self, request: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        _refuse(request.tok, context)

    def Construct(self, request: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        _refuse(request.type, context)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        self._runner.cancel()
        return empty_pb2.Empty()

    def _run(
        self,
        urn: str,
        state: dict[str, Any],
        text: str | None,
        previous: Output,
        context: grpc.ServicerContext,
    ) -> Output:
        """Run *text*, if there is any, showing what it prints as the resource's status."""
        if text is None:
            return previous
        with grpc.insecure_channel(self._engine_address or "127.0.0.1:0") as channel:
            engine = engine_pb2_grpc.EngineStub(channel)

            def log(line: str) -> None:
                request = engine_pb2.LogRequest(
                    severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True
                )
                if self._engine_address:
                    engine.Log(request)

            try:
                return self._runner.run(text, properties.read_command(state), previous, log)
            except CommandError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))
                raise


def diff_kind(was_there: bool, is_there: bool, replaces: bool) -> Any:
    if not was_there:
        return provider_pb2.PropertyDiff.ADD_REPLACE if replaces else provider_pb2.PropertyDiff.ADD
    if not is_there:
        return provider_pb2.PropertyDiff.DELETE_REPLACE if replaces else provider_pb2.PropertyDiff.DELETE
    return provider_pb2.PropertyDiff.UPDATE_REPLACE if replaces else provider_pb2.PropertyDiff.UPDATE


def _require_supported(urn: str, context: grpc.ServicerContext) -> None:
    resource_type = urn.split("::")[2].rpartition("$")[2]
    if resource_type != properties.TYPE:
        _refuse(resource_type, context)


def _refuse(token: str, context: grpc.ServicerContext) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{token}: not offered by the local stand-in for the command plugin, which serves {properties.TYPE} "
        "only; use that, or the real plugin",
    )
    raise AssertionError("abort raises")


def main() -> None:
    """Serve until the engine interrupts this process or is gone; leave no command running."""
    runner = Runner()
    engine_address = sys.argv[1] if len(sys.argv) > 1 else ""
    server = serve_until_told(CommandProvider(engine_address, runner))
    runner.cancel()
    server.stop(grace=1).wait()
