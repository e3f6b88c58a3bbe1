"""Addresses for records: of the default VPC's block, where nothing is."""

from __future__ import annotations

from collections import deque

from local_aws.machines.addresses import NoAddressLeft

BLOCK = "172.31"


class RecordAddresses:
    """The addresses 172.31.0.10 to 172.31.254.254; the one that is free for longest is given next."""

    def __init__(self) -> None:
        self._free = deque(f"{BLOCK}.{third}.{last}" for third in range(255) for last in range(10, 255))
        self.capacity = len(self._free)

    def take(self, count: int) -> list[str]:
        """*count* addresses that no other record has, or NoAddressLeft and none."""
        if len(self._free) < count:
            raise NoAddressLeft(f"{count} asked for, {len(self._free)} of {self.capacity} free")
        return [self._free.popleft() for _ in range(count)]

    def give_back(self, address: str) -> None:
        """Make *address* free again."""
        self._free.append(address)
