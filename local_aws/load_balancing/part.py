"""The thread that keeps the load balancers of a local AWS going, and its installation on moto."""

from __future__ import annotations

import logging
import threading

from moto.elbv2.models import elbv2_backends

from local_aws.home import Home, when_a_machine_ends
from local_aws.load_balancing.backend import LocalELBv2Backend, all_backends
from local_aws.load_balancing.model import Configuration
from local_aws.load_balancing.proxy import Proxy
from local_aws.load_balancing.statistics import Statistics
from local_aws.load_balancing.translation import read_configuration
from local_aws.machines.ec2_backend import LocalEC2Backend
from local_aws.records.machines import Records
from local_aws.records.proxy import ScriptedProxy

LOOK_EVERY_SECONDS = 0.15

logger = logging.getLogger(__name__)


def _make_proxy(home: Home) -> Proxy | ScriptedProxy:
    def read() -> Configuration:
        return read_configuration(all_backends())

    if home.machines == "podman":
        return Proxy(home.folder / "load_balancing", read)
    machines = LocalEC2Backend.machines
    assert isinstance(machines, Records)  # noqa: S101 - installed before, for the same home
    return ScriptedProxy(read, machines.find)


class LoadBalancing:
    """The load balancers of a local AWS, as a part that starts and stops."""

    def __init__(self, home: Home) -> None:
        self._proxy = _make_proxy(home)
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        attributes = {"home": home, "proxy": self._proxy, "targets_changed": self._awake}
        elbv2_backends.backend = type("LocalELBv2Backend", (LocalELBv2Backend,), attributes)
        elbv2_backends.clear()

    def start(self) -> None:
        """Begin to look after haproxy; what a killed local AWS left behind ends first."""
        self._proxy.start()
        self._stopping.clear()
        when_a_machine_ends.append(self._awake.set)
        self._thread = threading.Thread(target=self._run, name="load-balancing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End haproxy, close its sockets, and return when all that is gone."""
        self._stopping.set()
        self._awake.set()
        if self._thread:
            when_a_machine_ends.remove(self._awake.set)
            self._thread.join()
            self._thread = None
        self._proxy.stop()

    def read_statistics(self) -> Statistics:
        """What the load balancers and their targets answered since the start."""
        return self._proxy.statistics()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait(LOOK_EVERY_SECONDS)
            self._awake.clear()
            if self._stopping.is_set():
                return
            try:
                for backend in all_backends():
                    if isinstance(backend, LocalELBv2Backend):
                        backend.forget_terminated()
                self._proxy.tick()
            except Exception:
                logger.exception("unexpected failure, going on")
