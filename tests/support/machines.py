"""Troubles for tests: what befalls the machines of a running local AWS."""

from __future__ import annotations

from local_aws.home import Home
from local_aws.machines.command import befall


class Machines:
    """The machines of one running local AWS."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def kill(self, instance_id: str) -> None:
        """End all its processes at once, as a host does that fails."""
        befall(self._home, instance_id, "kill")

    def hang(self, instance_id: str) -> None:
        """Freeze it: it answers nothing more."""
        befall(self._home, instance_id, "hang")

    def resume(self, instance_id: str) -> None:
        """Let a frozen one go on."""
        befall(self._home, instance_id, "resume")

    def break_ports(self, instance_id: str, *, in_seconds: float = 0) -> None:
        """Have its ports, SSH's excepted, refuse connections."""
        befall(self._home, instance_id, "break", in_seconds=in_seconds)

    def mend(self, instance_id: str) -> None:
        """Let a broken one serve again."""
        befall(self._home, instance_id, "mend")

    def next(
        self,
        trouble: str,
        *,
        count: int = 1,
        ami_id: str | None = None,
        group: str | None = None,
        in_seconds: float = 0,
    ) -> None:
        """Have kill, hang or break befall the next machines, so many seconds after their launch."""
        befall(self._home, "next", trouble, count=count, ami_id=ami_id, group=group, in_seconds=in_seconds)
