"""The gRPC service `pulumirpc.LanguageRuntime`, as far as the engine asks for it."""

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from .interpreter import Interpreter, InterpreterError, choose_interpreter, virtual_environment_folder
from .packages import find_installed_packages, find_required_plugins
from .program import (
    Children,
    base_environment,
    find_executor,
    program_arguments,
    program_environment,
    read_exit_status,
)

# The engine's own limit for one message: 400 MiB.
MAXIMUM_MESSAGE_BYTES = 400 * 1024 * 1024


def runtime_options(info: Any) -> dict[str, Any]:
    """Return the `runtime.options` of Pulumi.yaml that *info* carries."""
    return dict(json_format.MessageToDict(info.options))


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine; everything it starts is in *children*."""

    def __init__(self, *, engine: str, root: str, tracing: str, children: Children) -> None:
        self._engine = engine
        self._root = root
        self._tracing = tracing
        self._children = children

    def _root_of(self, info: Any) -> str:
        return str(info.root_directory or self._root or Path.cwd())

    def _interpreter(self, info: Any, context: grpc.ServicerContext) -> Interpreter:
        try:
            return choose_interpreter(self._root_of(info), runtime_options(info))
        except InterpreterError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return plugin_pb2.PluginInfo(version="")

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        plugins = find_required_plugins(self._interpreter(request.info, context).site_packages())
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=plugin.name, kind="resource", version=plugin.version, server=plugin.server
                )
                for plugin in plugins
            ]
        )

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        plugins = find_required_plugins(self._interpreter(request.info, context).site_packages())
        return language_pb2.GetRequiredPluginsResponse(
            plugins=[
                plugin_pb2.PluginDependency(
                    name=plugin.name, kind="resource", version=plugin.version, server=plugin.server
                )
                for plugin in plugins
            ]
        )

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        interpreter = self._interpreter(request.info, context)
        executor = find_executor()
        if executor is None:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                "pulumi-language-python-exec is neither beside the language host nor on PATH; run make setup",
            )
        command = [
            interpreter.executable,
            "-u",
            str(executor),
            *program_arguments(
                request, self._engine, self._root_of(request.info), request.info.entry_point, self._tracing
            ),
        ]
        environment = program_environment(request, interpreter.environment(base_environment()))
        context.add_callback(self._children.terminate)
        result = read_exit_status(self._children.run(command, environment))
        sys.stdout.flush()
        return language_pb2.RunResponse(error=result.error, bail=result.bail)

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        executable = self._interpreter(request.info, context).executable
        version = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, check=False
        ).stdout
        return language_pb2.AboutResponse(
            executable=executable, version=version.removeprefix("Python ").strip()
        )

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        packages = find_installed_packages(self._interpreter(request.info, context).site_packages())
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=package.name, version=package.version)
                for package in packages
            ]
        )

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Create the project's virtual environment if it is missing and install its requirements.txt."""
        folder = virtual_environment_folder(self._root_of(request.info), runtime_options(request.info))
        python = str(folder / "bin" / "python") if folder is not None else sys.executable
        commands = []
        if folder is not None and not Path(python).exists():
            commands.append([sys.executable, "-m", "venv", str(folder)])
        commands.append([python, "-m", "pip", "install", "--no-input", "-r", "requirements.txt"])
        for command in commands:
            with subprocess.Popen(
                command, cwd=request.info.program_directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as child:
                assert child.stdout is not None  # noqa: S101 (asked for with PIPE)
                for line in child.stdout:
                    yield language_pb2.InstallDependenciesResponse(stdout=line)
            if child.returncode != 0:
                context.abort(grpc.StatusCode.ABORTED, f"{' '.join(command)}: exit status {child.returncode}")

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        self._children.terminate()
        return empty_pb2.Empty()


def _refuse(name: str) -> Any:
    """Return a method that says that the stand-in does not offer *name*."""

    def refuse(_host: LanguageHost, _request: Any, context: grpc.ServicerContext) -> NoReturn:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{name}: not offered by this stand-in for pulumi-language-python; "
            "install Pulumi's own distribution, whose language host is then used instead",
        )
        raise AssertionError("abort raises")

    return refuse


for _name in (
    "Template",
    "RunPlugin",
    "GenerateProgram",
    "GenerateProject",
    "GeneratePackage",
    "Pack",
    "Link",
):
    setattr(LanguageHost, _name, _refuse(_name))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pulumi-language-python", description=__doc__)
    parser.add_argument("engine", nargs="?", default="", help="address of the engine's own service")
    parser.add_argument("-root", "--root", default="", help="folder of Pulumi.yaml")
    parser.add_argument("-tracing", "--tracing", default="", help="tracing endpoint, handed to the program")
    return parser.parse_args()


def main() -> None:
    """Serve until the engine interrupts this process or is gone; leave no child behind."""
    arguments = _parse_arguments()
    children = Children()
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        options=[
            ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
        ],
    )
    host = LanguageHost(
        engine=arguments.engine, root=arguments.root, tracing=arguments.tracing, children=children
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    engine_process = os.getppid()
    server.start()
    print(port, flush=True)
    # The engine runs plugins in process groups of their own and, when it is killed, tells them nothing.
    while not stopping.wait(timeout=0.5) and os.getppid() == engine_process:
        pass
    children.terminate()
    server.stop(grace=1).wait()
