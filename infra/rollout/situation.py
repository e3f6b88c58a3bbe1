"""Where a group stands: judged, and put into plain values for programs, without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.rollout.decide import find_off_target, is_off_target
from infra.rollout.values import Fleet, Image, Instance, Refresh, Target
from infra.rollout.wording import count_images, describe_missing

SHOWN_REFRESHES = 5


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A group, where it is to arrive, its refreshes (the newest first), and the images it has to do with."""

    region: str
    fleet: Fleet
    target: Target
    launched_ami: str | None
    """What the group launches by itself, while a refresh may lead elsewhere."""
    previous_ami: str | None
    """What it launched before; None where nobody knows."""
    history: Sequence[Refresh] = ()
    images: Mapping[str, Image]
    failed_launch: str = ""

    @property
    def name(self) -> str:
        """The group's name."""
        return self.fleet.group.name

    @property
    def running(self) -> Refresh | None:
        """The refresh under way."""
        return self.history[0] if self.history and self.history[0].is_running else None

    @property
    def off_target(self) -> list[Instance]:
        """The instances, of those that serve or will, that run something else."""
        return find_off_target(self.fleet.group, self.target)

    @property
    def missing(self) -> str:
        """What keeps the group from serving with all it should have; empty when nothing does."""
        return describe_missing(self.fleet)

    @property
    def healthy(self) -> int:
        """How many instances in service are healthy."""
        return sum(self.fleet.health_of(one).is_healthy for one in self.fleet.group.in_service)

    @property
    def on_target(self) -> int:
        """How many instances in service run the target."""
        return sum(not is_off_target(one, self.target) for one in self.fleet.group.in_service)

    @property
    def state(self) -> str:
        """In one word: refreshing, steady, or astray (not all on target, or not all healthy)."""
        if self.running:
            return "refreshing"
        return "astray" if self.off_target or self.missing else "steady"

    @property
    def images_running(self) -> dict[str, int]:
        """How many instances that stay run each AMI."""
        return count_images(self.fleet.group)

    def is_fine(self, instance: Instance) -> bool:
        """Whether *instance* is as it should be."""
        is_healthy = self.fleet.health_of(instance).is_healthy
        return instance.is_in_service and is_healthy and not is_off_target(instance, self.target)

    def plain(self, advice: Sequence[str]) -> dict[str, Any]:
        """For programs."""
        group = self.fleet.group
        return {
            "group": group.name,
            "region": self.region,
            "state": self.state,
            "launch_template_id": group.launch_template_id,
            "launch_template_version": group.launch_template_version,
            "launched_image": self._image(self.launched_ami),
            "target_version": self.target.launch_template_version,
            "target_image": self._image(self.target.ami_id),
            "previous_ami": self.previous_ami,
            "desired_capacity": group.desired_capacity,
            "in_service": len(group.in_service),
            "healthy": self.healthy,
            "on_target": self.on_target,
            "instances": [self._plain_instance(one) for one in group.instances],
            "running": plain_refresh(self.running) if self.running else None,
            "refreshes": [plain_refresh(one) for one in self.history[:SHOWN_REFRESHES]],
            "failed_launch": self.failed_launch,
            "advice": list(advice),
        }

    def _image(self, ami_id: str | None) -> dict[str, Any]:
        image = self.images.get(ami_id or "", Image(name="", commit=""))
        return {"ami_id": ami_id, "name": image.name, "commit": image.commit}

    def _plain_instance(self, instance: Instance) -> dict[str, Any]:
        health = self.fleet.health_of(instance)
        return {
            **vars(instance),
            "target_health": health.state,
            "target_health_reason": health.reason,
            "is_on_target": not is_off_target(instance, self.target),
        }


def plain_refresh(refresh: Refresh) -> dict[str, Any]:
    """For programs."""
    return {
        "refresh_id": refresh.refresh_id,
        "status": refresh.status,
        "reason": refresh.rollback_reason or refresh.reason,
        "percentage_complete": refresh.percentage_complete,
        "instances_to_update": refresh.instances_to_update,
        "launch_template_version": refresh.launch_template_version,
        "started_at": refresh.started_at.isoformat() if refresh.started_at else None,
        "ended_at": refresh.ended_at.isoformat() if refresh.ended_at else None,
    }
