"""All records of one local AWS, and the one thread in which time passes for them."""

from __future__ import annotations

import logging
import os
import sched
import threading
from collections.abc import Callable, Mapping

from local_aws.home import Home, LocalAwsError
from local_aws.machines.machine import Events
from local_aws.machines.machines import GROUP_TAG, Machines, suffer_in
from local_aws.machines.seed import Seed
from local_aws.records.addresses import RecordAddresses
from local_aws.records.machine import RecordMachine
from local_aws.records.script import read_script

log = logging.getLogger(__name__)
LONGEST_PAUSE_SECONDS = 0.05


class Records(Machines):
    """Machines that are none; a Part."""

    def __init__(self, home: Home, *, base_image: str, base_ami_id: str) -> None:
        super().__init__(home, base_image=base_image, base_ami_id=base_ami_id)
        self._addresses = RecordAddresses()
        self._records: dict[str, RecordMachine] = {}
        self._schedule = sched.scheduler()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._pass_time, name="records", daemon=True)

    @property
    def capacity(self) -> int:
        """How many there can be at once."""
        return self._addresses.capacity

    def start(self) -> None:
        """Let time pass."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def take_addresses(self, count: int) -> list[str]:
        """*count* free addresses, or NoAddressLeft; the caller holds world_lock."""
        return self._addresses.take(count)

    def give_back(self, addresses: list[str]) -> None:
        """Free addresses whose records were never made; the caller holds world_lock."""
        for address in addresses:
            self._addresses.give_back(address)

    def check_tags(self, tags: Mapping[str, str], image_tags: Mapping[str, str]) -> None:
        """Raise ValueError where tags say what no script can be made of."""
        read_script(tags, image_tags, os.environ)

    def launch(
        self,
        seed: Seed,
        address: str,
        events: Events,
        *,
        tags: Mapping[str, str],
        image_tags: Mapping[str, str],
    ) -> None:
        """Begin the life of a record."""
        record = RecordMachine(
            name=f"{self.home.name}-{seed.instance_id}",
            address=address,
            script=read_script(tags, image_tags, os.environ),
            events=events,
            after=self._after,
        )
        self._records[seed.instance_id] = record
        record.boot()
        for trouble in self.next_launches.take(seed.ami_id, tags.get(GROUP_TAG)):
            suffer_in(trouble.in_seconds, record, trouble.trouble)

    def find(self, instance_id: str) -> RecordMachine | None:
        """The record of *instance_id*, also after its end."""
        return self._records.get(instance_id)

    def release(self, instance_id: str) -> None:
        """Free the address of a record that is gone."""
        self._addresses.give_back(self._records[instance_id].address)

    def copy_image(self, _ami_id: str, _copy_id: str, done: Callable[[LocalAwsError | None], None]) -> None:
        """An AMI without a disk is copied at once."""
        done(None)

    def discard_image(self, _ami_id: str) -> None:
        """There is no disk to remove."""

    def _after(self, seconds: float, task: Callable[[], None]) -> None:
        self._schedule.enter(seconds, 0, task)

    def _pass_time(self) -> None:
        while not self._stopping.is_set():
            try:
                due = self._schedule.run(blocking=False)
            except Exception:
                log.exception("unexpected failure, going on")
                continue
            self._stopping.wait(LONGEST_PAUSE_SECONDS if due is None else min(due, LONGEST_PAUSE_SECONDS))
