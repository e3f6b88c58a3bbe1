"""The real host of Python dynamic providers, spoken to over gRPC as the engine does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from image_builder.provider import PackerImageProvider

PROJECT = Path(__file__).resolve().parents[2]
_PROVIDER = {"__provider": serialize_provider(PackerImageProvider())}


class Host:
    """A running host; what the provider printed is in `lines`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        """End the host, if it still runs."""
        self._channel.close()
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def has_said(self, words: str) -> bool:
        """Whether the provider has printed *words*."""
        return any(words in line for line in self.lines)

    def wait_for_line(self, words: str) -> None:
        """Return once *words* are printed: what the provider says comes on a pipe, after its answer."""
        deadline = time.monotonic() + 60
        while not self.has_said(words):
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.05)

    def check(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, list[str]]:
        """The reasons, by property."""
        request = provider_pb2.CheckRequest(olds=_struct(olds, empty_without=True), news=_struct(news))
        reasons: dict[str, list[str]] = {}
        for failure in self._stub.Check(request).failures:
            reasons.setdefault(failure.property, []).append(failure.reason)
        return reasons

    def checked(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The inputs that check hands on."""
        request = provider_pb2.CheckRequest(olds=_struct(olds, empty_without=True), news=_struct(news))
        return _values(self._stub.Check(request).inputs)

    def diff(self, ami_id: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Whether there are changes, and what replaces."""
        request = provider_pb2.DiffRequest(id=ami_id, olds=_struct(olds), news=_struct(news))
        answer = self._stub.Diff(request)
        return answer.changes == provider_pb2.DiffResponse.DIFF_SOME, list(answer.replaces)

    def create(self, props: Mapping[str, Any], timeout: float = 300) -> tuple[str, dict[str, Any]]:
        """The id and the properties of a new image."""
        answer = self._stub.Create(provider_pb2.CreateRequest(properties=_struct(props)), timeout=timeout)
        return answer.id, _values(answer.properties)

    def start_creating(self, props: Mapping[str, Any]) -> Any:
        """The future of an image."""
        return self._stub.Create.future(provider_pb2.CreateRequest(properties=_struct(props)))

    def read(self, ami_id: str, props: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """What refresh gets."""
        answer = self._stub.Read(provider_pb2.ReadRequest(id=ami_id, properties=_struct(props)))
        return answer.id, _values(answer.properties)

    def update(self, ami_id: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """The properties after an update."""
        request = provider_pb2.UpdateRequest(id=ami_id, olds=_struct(olds), news=_struct(news))
        return _values(self._stub.Update(request).properties)

    def delete(self, ami_id: str, props: Mapping[str, Any]) -> None:
        """Delete the resource."""
        self._stub.Delete(provider_pb2.DeleteRequest(id=ami_id, properties=_struct(props)))

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip() for line in self.process.stdout)


@contextlib.contextmanager
def running_host(folder: Path, environment: Mapping[str, str]) -> Iterator[Host]:
    """A host that runs in *folder*, as the engine starts it in the project's."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.dynamic"],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    host = Host(process, int(process.stdout.readline()))
    try:
        yield host
    finally:
        host.close()


def message_of(error: grpc.RpcError) -> str:
    """The line that a user reads last: the last one of the traceback, without the error's class."""
    last_line: str = error.details().strip().splitlines()[-1]
    return last_line.partition(": ")[2]


def _struct(values: Mapping[str, Any] | None, *, empty_without: bool = False) -> Any:
    if values is None and empty_without:
        return None
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(rpc.serialize_properties({**(values or {}), **_PROVIDER}, {}))
    finally:
        loop.close()


def _values(struct: Any) -> dict[str, Any]:
    values = rpc.deserialize_properties(struct)
    assert isinstance(values, dict)
    return {key: value for key, value in values.items() if key != "__provider"}
