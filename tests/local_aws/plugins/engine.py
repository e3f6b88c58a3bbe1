"""The engine's side of a plugin, as far as these tests need it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local_aws.plugins.aws.provider import read_properties
from local_aws.plugins.command import to_struct

PLUGIN = Path(__file__).resolve().parents[3] / "local_aws/plugins/bin/pulumi-resource-aws"


def start_plugin(environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """The plugin's process, started as the engine starts it."""
    return subprocess.Popen(
        [sys.executable, str(PLUGIN), "127.0.0.1:0"],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_plugin(process: subprocess.Popen[str]) -> None:
    """End it as the engine does."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A resource that the plugin made: what the engine would keep of it."""

    urn: str
    id: str
    inputs: dict[str, Any]
    state: dict[str, Any]


class Engine:
    """Asks one running plugin."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)

    def check(self, urn: str, inputs: dict[str, Any], olds: dict[str, Any] | None = None) -> Any:
        """The plugin's CheckResponse."""
        return self.stub.Check(
            provider_pb2.CheckRequest(urn=urn, olds=to_struct(olds or {}), news=to_struct(inputs))
        )

    def failures(self, token: str, inputs: dict[str, Any]) -> dict[str, str]:
        """What Check refuses, by property."""
        answer = self.check(urn_of(token, "refused"), inputs)
        return {failure.property: failure.reason for failure in answer.failures}

    def make(self, token: str, name: str, inputs: dict[str, Any]) -> Made:
        """Check and create a resource."""
        urn = urn_of(token, name)
        checked = self.check(urn, inputs)
        assert list(checked.failures) == []
        full = read_properties(checked.inputs)
        created = self.stub.Create(provider_pb2.CreateRequest(urn=urn, properties=checked.inputs))
        return Made(urn=urn, id=created.id, inputs=full, state=read_properties(created.properties))

    def preview_create(self, token: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """The properties that a preview knows."""
        urn = urn_of(token, "previewed")
        created = self.stub.Create(
            provider_pb2.CreateRequest(urn=urn, properties=self.check(urn, inputs).inputs, preview=True)
        )
        return read_properties(created.properties)

    def diff(self, made: Made, inputs: dict[str, Any]) -> Any:
        """The DiffResponse for new inputs, which Check fills with defaults first."""
        news = self.check(made.urn, inputs, made.inputs).inputs
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=made.urn,
                id=made.id,
                olds=to_struct(made.state),
                old_inputs=to_struct(made.inputs),
                news=news,
            )
        )

    def update(self, made: Made, inputs: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        """The state after an update to new inputs."""
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                urn=made.urn,
                id=made.id,
                olds=to_struct(made.state),
                old_inputs=to_struct(made.inputs),
                news=self.check(made.urn, inputs, made.inputs).inputs,
                preview=preview,
            )
        )
        return read_properties(answer.properties)

    def read(self, made: Made) -> Any:
        """The ReadResponse."""
        return self.stub.Read(
            provider_pb2.ReadRequest(
                urn=made.urn, id=made.id, inputs=to_struct(made.inputs), properties=to_struct(made.state)
            )
        )

    def delete(self, made: Made) -> None:
        """Take it away."""
        self.stub.Delete(
            provider_pb2.DeleteRequest(urn=made.urn, id=made.id, properties=to_struct(made.state))
        )

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """A function's answer."""
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=to_struct(arguments)))
        return read_properties(getattr(answer, "return"))


def urn_of(token: str, name: str) -> str:
    """A URN as the engine makes it."""
    return f"urn:pulumi:test::project::{token}::{name}"
