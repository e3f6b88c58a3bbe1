"""moto's EC2, told how to find one of thousands: it would look at all of them for each."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import moto.ec2.urls
from moto.ec2.models.amis import Ami
from moto.ec2.models.instances import Instance, Reservation
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, filter_reservations, generic_filter, get_prefix

from local_aws.machines.launch_templates import LocalLaunchTemplates

RESERVATIONS_STILL_FILLING = 10
"""How many of the newest reservations may get further instances: launches take turns, mostly."""

WILDCARDS = frozenset("*?[\\")


def are_exact(values: Collection[str]) -> bool:
    """Whether each of a filter's *values* means itself only."""
    return bool(values) and not any(WILDCARDS & set(value) for value in values)


class QuickEC2Backend(LocalLaunchTemplates):
    """The same answers as moto's, by an index of instances and the tags by resource that moto has already."""

    _url_module = moto.ec2.urls  # moto would look for it beside this file

    def __init__(self, region_name: str, account_id: str) -> None:
        self._index: dict[str, tuple[Reservation, Instance]] = {}
        self._reservations_indexed = 0
        super().__init__(region_name, account_id)

    def describe_tags(self, filters: dict[str, list[str]] | None = None) -> list[dict[str, str]]:
        """The tags of resources; where they are named, without a look at those of all others."""
        if filters is None or set(filters) != {"resource-id"} or not are_exact(filters["resource-id"]):
            found: list[dict[str, str]] = super().describe_tags(filters)
            return found
        return [
            {
                "resource_id": resource_id,
                "key": key,
                "value": value,
                "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource_id), ""),
            }
            for resource_id in filters["resource-id"]
            if resource_id in self.tags
            for key, value in dict(self.tags[resource_id]).items()
        ]

    def describe_images(
        self,
        ami_ids: list[str] | None = None,
        filters: dict[str, Any] | None = None,
        exec_users: list[str] | None = None,
        owners: list[str] | None = None,
    ) -> list[Ami]:
        """AMIs; a filter by id, with which moto looks up the AMI of every launch, looks at those only."""
        names = (filters or {}).get("image-id") or []
        names = [names] if isinstance(names, str) else names  # moto's own look-ups pass the bare id
        if ami_ids or exec_users or owners or not are_exact(names):
            found: list[Ami] = super().describe_images(ami_ids, filters, exec_users, owners)
            return found
        others = {name: values for name, values in (filters or {}).items() if name != "image-id"}
        return generic_filter(others, [self.amis[name] for name in names if name in self.amis])

    def get_instance(self, instance_id: str) -> Instance:
        """The instance, or AWS's error."""
        found = self._indexed(instance_id)
        return found[1] if found else super().get_instance(instance_id)

    def all_reservations(self, filters: Any = None) -> list[Reservation]:
        """Reservations with the instances that pass *filters*; where named, only those."""
        names = (filters or {}).get("instance-id") or []
        if not are_exact(names):
            reservations: list[Reservation] = super().all_reservations(filters)
            return reservations
        found = [entry for name in dict.fromkeys(names) if (entry := self._indexed(name))]
        by_id: dict[str, Reservation] = {}
        for reservation, instance in found:
            if reservation.id not in by_id:
                by_id[reservation.id] = copy.copy(reservation)
                by_id[reservation.id].instances = []
            by_id[reservation.id].instances.append(instance)
        others = {name: values for name, values in filters.items() if name != "instance-id"}
        narrowed: list[Reservation] = list(by_id.values())
        return filter_reservations(narrowed, others) if others else narrowed

    def _indexed(self, instance_id: str) -> tuple[Reservation, Instance] | None:
        if instance_id not in self._index:
            # Reservations stay and keep their order, so only the new ones need a look.
            reservations = list(self.reservations.values())
            for reservation in reservations[self._reservations_indexed :]:
                self._index |= {one.id: (reservation, one) for one in list(reservation.instances)}
            self._reservations_indexed = max(0, len(reservations) - RESERVATIONS_STILL_FILLING)
        return self._index.get(instance_id)
