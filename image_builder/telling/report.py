"""One page about all images and groups: its facts, and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from image_builder.ami import iso
from image_builder.registry.ancestry import base_of
from image_builder.registry.groups import GroupStatus, Refresh
from image_builder.registry.inventory import Listed, plain
from image_builder.retention.keeping import shortened
from image_builder.telling import timeline
from image_builder.telling.lineage import BOX_HEIGHT, BOX_WIDTH, draw_lineage, is_run, standing, state_of
from image_builder.telling.timeline import draw_timeline, verdict_of
from image_builder.wording import age

GENERATOR = "python -m image_builder report"
"""What a page says that it was made by."""

MOST_IMAGES, MOST_ROLLOUTS = 300, 100


@dataclass(frozen=True, kw_only=True)
class Report:
    """What there is to tell of a project at one moment."""

    project: str
    region: str
    made_at: datetime
    groups: Sequence[GroupStatus]
    images: Sequence[Listed]
    """Newest first."""

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "project": self.project,
            "region": self.region,
            "made_at": iso(self.made_at),
            "attention": self.attention,
            "groups": [status.plain(self.made_at) for status in self.groups],
            "images": [plain(image, self.made_at) for image in self.images],
        }

    def page(self) -> str:
        """For people: HTML that needs nothing else."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["age"] = lambda moment: age(moment, self.made_at)
        return environment.get_template("report.html.jinja").render(
            report=self,
            generator=GENERATOR,
            made_at=iso(self.made_at),
            lineage=draw_lineage(self.images, self.made_at),
            box=(BOX_WIDTH, BOX_HEIGHT),
            chart=draw_timeline([image.ami for image in self.images], self.groups, self.made_at),
            timeline=timeline,
            base_of=base_of,
            standing=standing,
            state_of=state_of,
            verdict_of=verdict_of,
            kept_because=kept_because,
        )

    @property
    def attention(self) -> list[str]:
        """What somebody should look at, a line each."""
        found = []
        for status in self.groups:
            name = status.group.name
            ami = status.amis.get(status.target_ami_id)
            if ami is None:
                found.append(f"{name}: its image cannot be told")
            elif ami.refusal or ami.warning:
                found.append(f"{name}: its image {ami.ami_id} is {ami.refusal or ami.warning}")
            if off := sum(status.off_target.values()):
                found.append(f"{name}: {off} instance{'' if off == 1 else 's'} off its image")
            if status.refreshes and verdict_of(status.refreshes[0]) == "bad":
                found.append(f"{name}: the last rollout ended {status.refreshes[0].line}")
        for image in self.images:
            if image.ami.refusal and image.users.without_group:
                found.append(f"{image.ami.ami_id}, which is {image.ami.refusal}, runs outside of any group")
        return found

    @property
    def shown_images(self) -> list[Listed]:
        """Those that run or were verified, and the newest, in their order."""
        useful = sorted(self.images, key=lambda image: not (is_run(image) or image.verified_in))
        shown = {image.ami.ami_id for image in useful[:MOST_IMAGES]}
        return [image for image in self.images if image.ami.ami_id in shown]

    @property
    def rollouts(self) -> list[tuple[GroupStatus, Refresh]]:
        """Of all groups, newest first."""
        found = [(status, refresh) for status in self.groups for refresh in status.refreshes]
        return sorted(found, key=lambda one: one[1].started_at, reverse=True)[:MOST_ROLLOUTS]

    def image(self, ami_id: str) -> Listed | None:
        """One of the images."""
        return next((image for image in self.images if image.ami.ami_id == ami_id), None)


def kept_because(image: Listed) -> list[str]:
    """What keeps *image* from being pruned, beside that it runs, which is told anyway."""
    return shortened([reason for reason in image.kept_because if not reason.startswith("runs in ")])
