"""All machines of one local AWS: their addresses, their images, their end."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from local_aws.home import Home, LocalAwsError, world_lock
from local_aws.identity.machine_api import open_to
from local_aws.machines import podman
from local_aws.machines.addresses import AddressPool
from local_aws.machines.flags import working_flags
from local_aws.machines.machine import AnyMachine, Events, Machine
from local_aws.machines.podman import MachineSpec
from local_aws.machines.seed import Seed, write_seed
from local_aws.machines.troubles import NextLaunches, Trouble

log = logging.getLogger(__name__)

BOOTS_AT_ONCE = 4
# User guide, "Tag Auto Scaling groups and instances".
GROUP_TAG = "aws:autoscaling:groupName"


class Machines:
    """The machines of one local AWS; a Part."""

    def __init__(self, home: Home, *, base_image: str, base_ami_id: str) -> None:
        self.home = home
        self.base_image = base_image
        self.base_ami_id = base_ami_id
        self._pool = AddressPool(home.network)
        self._machines: dict[str, Machine] = {}
        self.next_launches = NextLaunches()
        self._unwanted_images: set[str] = set()
        self._boots = threading.Semaphore(BOOTS_AT_ONCE)
        self._housekeeping = ThreadPoolExecutor(max_workers=1, thread_name_prefix="images")

    @property
    def capacity(self) -> int:
        """How many there can be at once."""
        return self._pool.capacity

    def start(self) -> None:
        """Find out the flags machines need now, so that the first launch is not slower than the others."""
        working_flags(self.base_image)

    def stop(self) -> None:
        """Remove every machine at once, without time for its services: the account ends with them."""
        self._housekeeping.shutdown(wait=True)
        with world_lock:
            machines = list(self._machines.values())
        for machine in machines:
            machine.abandon()
        podman.remove_machines(podman.machines_of(self.home.name))

    def take_addresses(self, count: int) -> list[str]:
        """*count* free addresses, or NoAddressLeft; the caller holds world_lock."""
        return self._pool.take(count)

    def give_back(self, addresses: list[str]) -> None:
        """Free addresses whose machines were never made; the caller holds world_lock."""
        for address in addresses:
            self._pool.give_back(address)

    def check_tags(self, tags: Mapping[str, str], image_tags: Mapping[str, str]) -> None:
        """Raise ValueError where the tags of an instance and its AMI allow no launch; here all do."""

    def launch(
        self,
        seed: Seed,
        address: str,
        events: Events,
        *,
        tags: Mapping[str, str],
        image_tags: Mapping[str, str],  # noqa: ARG002 - what is on the disk decides, not what is said of it
    ) -> None:
        """Begin to boot a machine of the AMI in *seed* for an instance with *tags*."""
        spec = MachineSpec(
            name=f"{self.home.name}-{seed.instance_id}",
            home_name=self.home.name,
            hostname=seed.hostname,
            image=self.image_of(seed.ami_id),
            address=address,
            ports=self.home.published_ports(),
            seed=self.home.folder.resolve() / "machines" / seed.instance_id,
        )
        write_seed(seed, spec.seed)
        if seed.credentials:
            open_to(spec.seed, self.home.folder, seed.credentials)
        machine = Machine(spec, working_flags(self.base_image), events, self._boots)
        with world_lock:
            self._machines[seed.instance_id] = machine
        machine.boot()
        for trouble in self.next_launches.take(seed.ami_id, tags.get(GROUP_TAG)):
            suffer_in(trouble.in_seconds, machine, trouble.trouble)

    def find(self, instance_id: str) -> AnyMachine | None:
        """The machine of *instance_id*, also after its end; None for an instance that never had one."""
        return self._machines.get(instance_id)

    def image_of(self, ami_id: str) -> str:
        """The podman image that machines of *ami_id* boot from."""
        return self.base_image if ami_id == self.base_ami_id else f"{image_prefix(self.home)}{ami_id}"

    def release(self, instance_id: str) -> None:
        """Free what a machine that is gone held."""
        machine = self._machines[instance_id]
        with world_lock:
            self._pool.give_back(machine.spec.address)
        self._remove_unwanted()

    def copy_image(self, ami_id: str, copy_id: str, done: Callable[[LocalAwsError | None], None]) -> None:
        """Give the image of *ami_id* to *copy_id* too, and tell *done*."""

        def copy() -> None:
            try:
                podman.tag_image(self.image_of(ami_id), self.image_of(copy_id))
            except LocalAwsError as error:
                done(error)
            else:
                done(None)

        self._housekeeping.submit(copy)

    def discard_image(self, ami_id: str) -> None:
        """Remove the image of a deregistered AMI, as soon as no machine runs on it."""
        if ami_id == self.base_ami_id:
            return
        with world_lock:
            self._unwanted_images.add(self.image_of(ami_id))
        self._remove_unwanted()

    def _remove_unwanted(self) -> None:
        with world_lock:
            used = {machine.spec.image for machine in self._machines.values() if not machine.is_gone}
            removable = self._unwanted_images - used
            self._unwanted_images -= removable
        # Shut down already: the server stops, and start removes what is left.
        with contextlib.suppress(RuntimeError):
            for image in sorted(removable):
                self._housekeeping.submit(_remove_image, image)


def suffer_in(seconds: float, machine: AnyMachine, trouble: Trouble) -> None:
    """Have *trouble* befall *machine* after *seconds*; a failure is in the log only."""

    def done(error: LocalAwsError | None) -> None:
        if error:
            log.error("%s did not %s: %s", machine.name, trouble, error)

    if seconds:
        timer = threading.Timer(seconds, machine.suffer, (trouble, done))
        timer.daemon = True
        timer.start()
    else:
        machine.suffer(trouble, done)


def image_prefix(home: Home) -> str:
    """What the name of every AMI's podman image of *home* begins with."""
    return f"localhost/{home.name}/ami:"


def _remove_image(image: str) -> None:
    try:
        podman.remove_image(image)
    except podman.PodmanError as error:
        log.error("%s could not be removed: %s", image, error)
