"""Which loopback address each machine has."""

from __future__ import annotations

from collections.abc import Collection

FIRST = 10
LAST = 254
CAPACITY = LAST - FIRST + 1


class NoAddressLeft(Exception):  # noqa: N818 (the caller turns it into AWS's InsufficientInstanceCapacity)
    """All addresses of the network are in use."""


def next_numbers(taken: Collection[int], last_given: int, count: int) -> list[int]:
    """The next *count* free last bytes after *last_given*, going round.

    Going round keeps a freed address out of use as long as possible, so that nobody who still remembers the
    machine that had it talks to another one.
    """
    ring = [FIRST + (last_given - FIRST + 1 + step) % CAPACITY for step in range(CAPACITY)]
    free = [number for number in ring if number not in taken]
    if len(free) < count:
        raise NoAddressLeft(f"{count} asked for, {len(free)} of {CAPACITY} free")
    return free[:count]


class AddressPool:
    """The addresses of one network; the caller holds world_lock."""

    capacity = CAPACITY

    def __init__(self, network: str) -> None:
        self._network = network
        self._taken: set[int] = set()
        self._last_given = FIRST - 1

    def take(self, count: int) -> list[str]:
        """*count* addresses that no other machine has, or NoAddressLeft and none."""
        numbers = next_numbers(self._taken, self._last_given, count)
        self._taken.update(numbers)
        self._last_given = numbers[-1] if numbers else self._last_given
        return [f"{self._network}.{number}" for number in numbers]

    def give_back(self, address: str) -> None:
        """Make *address* free again."""
        self._taken.discard(int(address.rsplit(".", 1)[1]))
