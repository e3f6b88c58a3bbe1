"""The server process: moto's APIs with real machines, a real load balancer and real scaling behind them."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_aws import locks
from local_aws.home import (
    MACHINES,
    Home,
    LocalAwsError,
    Part,
    home_name,
    new_generation,
    write_atomically,
    write_home,
)
from local_aws.machines import podman
from local_aws.machines.first_process import FirstProcess
from local_aws.machines.ports import bindable_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("local_aws.server")

# In the order in which they are installed and started; they stop in reverse.
PARTS = (
    "local_aws.machines",
    "local_aws.load_balancing",
    "local_aws.monitoring",
    "local_aws.auto_scaling",
)
MOTO_SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
}


def serve(wanted: Home, report: Any, *, owner: int = 0) -> None:
    """Serve until SIGTERM, or until the process *owner* has ended, where there is one; call *report* with
    {"ready": ...} once, when the API answers.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if owner:
        threading.Thread(target=_stop_after, args=(owner, stop), name="owner", daemon=True).start()
    server_lock = locks.take_server(wanted.folder)
    machines = podman.machines_by_network() if wanted.machines == "podman" else {}
    network, network_lock = locks.take_network(wanted.network, wanted.folder, machines)
    with server_lock, network_lock, _listen(wanted.api_port) as listener:
        home = replace(
            wanted,
            network=network,
            load_balancer_address=wanted.load_balancer_address or f"{network}.1",
            api_port=listener.getsockname()[1],
            machine_ports=bindable_ports(f"{network}.254") if wanted.machines == "podman" else (),
        )
        _set_environment(home)
        parts: list[Part] = []
        try:
            _run(home, listener, parts, stop, report)
        finally:
            for part in reversed(parts):
                try:
                    part.stop()
                except Exception:
                    log.exception("%s did not stop as it should", type(part).__name__)
            log.info("stopped")


def _stop_after(owner: int, stop: threading.Event) -> None:
    """Set *stop* as soon as the process *owner* has ended."""
    process = FirstProcess()
    process.watch(owner)
    process.wait()
    log.info("process %s, for which this was started, has ended", owner)
    stop.set()


def _run(home: Home, listener: socket.socket, parts: list[Part], stop: threading.Event, report: Any) -> None:
    installed = [importlib.import_module(name).install(home) for name in PARTS]
    for part in installed:
        parts.append(part)
        part.start()

    from local_aws.api import Api, make_api_server
    from local_aws.identity.machine_api import listening
    from local_aws.identity.parameters import put_arns_on_descriptions

    put_arns_on_descriptions()
    api = Api(home)
    with listening(home.folder) as for_machines:
        servers = [make_api_server(api, each) for each in (listener, for_machines)]
        threads = [
            threading.Thread(target=server.serve_forever, name="api", daemon=True) for server in servers
        ]
        for thread in threads:
            thread.start()
        write_home(home)
        log.info("serving %s: network %s, ports %s", home.endpoint_url, home.network, home.machine_ports)
        report({"ready": home.endpoint_url})
        stop.wait()
        log.info("stopping")
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        reason = "in use by another program" if error.errno == errno.EADDRINUSE else error.strerror
        raise LocalAwsError(
            f"port {port} of 127.0.0.1 is {reason} · the API of the local AWS listens there · "
            "stop that program, or start with --port NUMBER (0 takes a free one)"
        ) from error
    listener.listen(128)
    return listener


def _set_environment(home: Home) -> None:
    """What moto reads when it is imported, and what keeps it and its children from calling anything."""
    from local_aws.machines.base_ami import describe_base_ami, own_base_ami

    amis = home.folder / "amis.json"
    write_atomically(amis, json.dumps([describe_base_ami(own_base_ami())], indent=2) + "\n")
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ.update(MOTO_SETTINGS)
    os.environ.update(
        {
            "MOTO_AMIS_PATH": str(amis),
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the server; started by `python -m local_aws start` only."""
    parser = argparse.ArgumentParser(prog="local_aws.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--network", required=True)
    parser.add_argument("--load-balancer-address", required=True)
    parser.add_argument("--machines", choices=MACHINES, required=True)
    parser.add_argument("--owner", type=int, required=True, help="process with which it ends; 0 for none")
    parser.add_argument("--report", type=int, required=True, help="file descriptor that is told how it went")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    folder: Path = given.home.resolve()
    os.set_inheritable(given.report, False)
    if os.fork():  # so that it is nobody's child, and whoever started it need not wait for its end
        os._exit(0)

    def report(message: dict[str, str]) -> None:
        with os.fdopen(given.report, "w") as pipe:
            pipe.write(json.dumps(message) + "\n")

    wanted = Home(
        folder=folder,
        name=home_name(folder),
        api_port=given.port,
        network=given.network,
        load_balancer_address=given.load_balancer_address,
        generation=new_generation(),
        machine_ports=(),
        machines=given.machines,
    )
    try:
        serve(wanted, report, owner=given.owner)
    except LocalAwsError as error:
        log.error("%s", error)
        report({"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
