"""How an instance's state follows its machine."""

from __future__ import annotations

import logging
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance, InstanceState, StateReason

from local_aws.home import when_a_machine_ends, world_lock

log = logging.getLogger(__name__)

# InstanceState in the EC2 API reference.
PENDING = ("pending", 0)
RUNNING = ("running", 16)
SHUTTING_DOWN = ("shutting-down", 32)
TERMINATED = ("terminated", 48)
STOPPING = ("stopping", 64)
STOPPED = ("stopped", 80)


class LocalInstance(Instance):
    """An instance that has no address after its end, and tells whether its machine is there to answer."""

    has_machine_ended = False

    @property
    def private_dns_name(self) -> str:
        """The name of its private address, empty when it has none."""
        return str(super().private_dns_name) if self.private_ip else ""


def hostname_of(address: str) -> str:
    """The host name that EC2 gives to the machine with *address*."""
    return f"ip-{address.replace('.', '-')}"


def give_address(instance: Instance, address: str | None) -> None:
    """Make *address* the instance's private and public address; None takes them away."""
    interface = instance.nics[0]
    interface.public_ip_auto_assign = False
    interface.public_ip = address
    interface.private_ip_address = address
    interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}] if address else []


def pending(instance: Instance) -> None:
    """The instance's machine is about to boot."""
    instance._state = InstanceState(*PENDING)


class InstanceEvents:
    """Writes into an instance what became of its machine."""

    def __init__(self, backend: Any, instance: Instance) -> None:
        self._backend = backend
        self._instance = instance

    def running(self) -> None:
        """pending -> running; an instance that is being stopped or terminated stays so."""
        with world_lock:
            self._instance.has_machine_ended = False  # type: ignore[attr-defined]
            if self._instance.state == "pending":
                self._instance._state = InstanceState(*RUNNING)

    def ended(self) -> None:
        """The state stays until it is known what this is: at a reboot it stays `running`, as on EC2."""
        with world_lock:
            self._instance.has_machine_ended = True  # type: ignore[attr-defined]
        for call in list(when_a_machine_ends):
            call()

    def stopped(self, *, by_itself: bool, message: str) -> None:
        """-> stopped; or terminated, when that is what the instance is to do at its own shutdown."""
        instance = self._instance
        with world_lock:
            if instance.state in ("shutting-down", "terminated"):
                return
            instance._state = InstanceState(*STOPPED)
            if not by_itself:
                return
            log.warning("%s ended by itself: %s", instance.id, message)
            _give_reason(
                instance, "Client.InstanceInitiatedShutdown", f"Instance initiated shutdown ({message})"
            )
            ends_then = instance.instance_initiated_shutdown_behavior == "terminate"
        if ends_then:
            self._backend.terminate_instances([instance.id])
            with world_lock:
                _give_reason(instance, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")

    def terminated(self, *, by_itself: bool, message: str) -> None:
        """-> terminated, with what went wrong as its state reason when nobody asked for it."""
        instance = self._instance
        with world_lock:
            if by_itself and instance.state != "shutting-down":
                log.warning("%s is gone: %s", instance.id, message)
                instance.terminate()
                _give_reason(instance, "Server.InternalError", message)
            instance._state = InstanceState(*TERMINATED)
            give_address(instance, None)
        self._backend.machines.release(instance.id)


def _give_reason(instance: Instance, code: str, message: str) -> None:
    instance.state_reason = StateReason(f"{code}: {message}", code)
    instance._reason = f"{message} ({utcnow():%Y-%m-%d %H:%M:%S} GMT)"
