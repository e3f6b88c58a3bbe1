"""The addresses and ports of the load balancers: whose they are, and who has them already."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterable

import psutil

from local_aws.home import Home

BACKLOG = 4096


class PortTakenError(Exception):
    """An address and port cannot be listened on; its line says who has it and what to do."""


def choose_address(home: Home, taken: Collection[str]) -> str | None:
    """The address for a new load balancer: the home's own first, then the lowest free one; None when full."""
    return next((address for address in home.load_balancer_addresses if address not in taken), None)


def listen(address: str, port: int) -> socket.socket:
    """A socket that listens on *address* and *port*."""
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise PortTakenError(explain(address, port, error, holder(address, port))) from error
    return listening


def explain(address: str, port: int, error: OSError, who: str | None) -> str:
    """One line for a port that cannot be had: what, who, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address}:{port} is already taken by {who or 'a process of another user'} · a free port was "
            "expected · end that process, or give the listener another port"
        )
    if error.errno == errno.EACCES:
        return (
            f"{address}:{port} may not be listened on by this user · a port of 1024 or above was expected · "
            "give the listener another port"
        )
    return f"{address}:{port} cannot be listened on ({error.strerror}) · give the listener another port"


def holder(address: str, port: int) -> str | None:
    """Who listens on *port* of *address*: name, pid and command line; None when that cannot be seen."""
    try:
        pids = _listening_pids(address, port, psutil.net_connections("tcp"))
        process = psutil.Process(pids[0]) if pids else None
        if process is None:
            return None
        return f"{process.name()} (pid {process.pid}, {' '.join(process.cmdline())[:120]})"
    except psutil.Error:
        return None


def _listening_pids(address: str, port: int, connections: Iterable[psutil._ntuples.sconn]) -> list[int]:
    same = {address, "0.0.0.0", "::"}  # noqa: S104 - looked for, not listened on
    return [
        connection.pid
        for connection in connections
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr
        and connection.laddr.port == port
        and connection.laddr.ip in same
        and connection.pid is not None
    ]
