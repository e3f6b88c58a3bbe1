"""Target health by the records' scripts, in the place of haproxy: nothing listens, nothing is forwarded."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from local_aws.load_balancing.model import Configuration
from local_aws.load_balancing.proxy import Records
from local_aws.load_balancing.statistics import Statistics
from local_aws.load_balancing.targets import Failure, Phase, Record, reconcile
from local_aws.records.machine import RecordMachine

FAILED = Failure(reason="Target.FailedHealthChecks", description="Health checks failed")
Find = Callable[[str], RecordMachine | None]


class ScriptedProxy:
    """Moves targets on as their scripts say."""

    def __init__(self, read_configuration: Callable[[], Configuration], find: Find) -> None:
        self._read_configuration = read_configuration
        self._find = find
        self._lock = threading.RLock()
        self.records: Records = {}  # replaced as a whole: may be read without the lock

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the targets still while a listener is recorded and applied."""
        with self._lock:
            yield

    def start(self) -> None:
        """Nothing has to run."""

    def stop(self) -> None:
        """Nothing runs."""

    def claim(self, address: str, port: int) -> None:
        """Nothing listens, so every port is free."""

    def release_unused(self) -> None:
        """Nothing listens."""

    def apply(self) -> None:
        """Bring the targets to what the configuration and their scripts now say."""
        with self._lock:
            groups = self._read_configuration().groups
            records, _ = reconcile(self.records, groups, generation=1, now=time.monotonic())
            self.records = {
                key: followed for key, record in records.items() if (followed := self._follow(record))
            }

    def tick(self) -> None:
        """The same, from time to time."""
        self.apply()

    def statistics(self) -> Statistics:
        """Nobody asked for anything."""
        return Statistics(load_balancers={}, target_groups={})

    def _follow(self, record: Record) -> Record | None:
        if record.phase is Phase.DRAINING:
            return None  # nothing is in flight (ELB user guide, "Deregistration delay")
        machine = self._find(record.target.instance_id)
        if machine is None:
            return record
        if machine.is_healthy():
            return replace(record, phase=Phase.IN_SERVICE, is_up=True, failure=None)
        if record.phase is Phase.INITIAL and machine.will_be_healthy():
            return record
        return replace(record, phase=Phase.IN_SERVICE, is_up=False, failure=FAILED)
