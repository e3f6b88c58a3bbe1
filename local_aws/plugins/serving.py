"""How a plugin is served to the engine that started it."""

from __future__ import annotations

import os
import signal
import threading
from concurrent import futures

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

# The engine's own limit for one message: 400 MiB.
MAXIMUM_MESSAGE_BYTES = 400 * 1024 * 1024


def serve_until_told(provider: provider_pb2_grpc.ResourceProviderServicer) -> grpc.Server:
    """Serve on a free port, told on stdout, until the engine interrupts this process or is gone.

    The server still answers when this returns: the caller ends its own work, then stops it.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32),
        options=[
            ("grpc.max_receive_message_length", MAXIMUM_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAXIMUM_MESSAGE_BYTES),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    engine_process = os.getppid()
    server.start()
    print(port, flush=True)
    while not stopping.wait(timeout=0.5) and os.getppid() == engine_process:
        pass
    return server
