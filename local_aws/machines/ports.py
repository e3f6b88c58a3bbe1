"""Which ports of a machine can be published on its loopback address."""

from __future__ import annotations

import socket

from local_aws.home import SSH_PORT, SSH_PORT_WHERE_22_IS_TAKEN

WANTED_PORTS = (SSH_PORT, 80, 443, 8080)


def bindable_ports(address: str) -> tuple[int, ...]:
    """Those of WANTED_PORTS that this user may listen on at *address*; 2222 in the place of 22 if not that.

    A program that listens on all addresses (an SSH server, often) has the port of every loopback address too.
    """
    ports = [port for port in WANTED_PORTS if can_bind(address, port)]
    return tuple(ports if SSH_PORT in ports else [SSH_PORT_WHERE_22_IS_TAKEN, *ports])


def can_bind(address: str, port: int) -> bool:
    """May this user listen on *port* of *address* now?"""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError:
            return False
        return True
