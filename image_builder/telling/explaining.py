"""Why the working tree would be built, or which image would be used instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from image_builder import wording
from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_COMMIT, TAG_FAMILY, Ami
from image_builder.amis import Amis
from image_builder.building.file_digests import recorded
from image_builder.errors import RecordError
from image_builder.inputs import ImageInputs
from image_builder.lookup import images_of, is_to_be_verified, pinned_image, shared_images, usable_of
from image_builder.registry.snapshots import Snapshots
from image_builder.releasing.gates import promoted_image, require_gate, verified_image
from image_builder.telling.comparison import Comparison, compare, record_on


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What would happen, and why."""

    inputs: ImageInputs
    ami: Ami | None
    """The one to use; None where one would be built."""
    refused: Sequence[Ami]
    """Those of the same fingerprint that must not, or cannot, be used."""
    against: Ami | None
    comparison: Comparison | None

    @property
    def outcome(self) -> str:
        """`pin`, `promote`, `reuse` or `build`"""
        if self.inputs.pinned_ami:
            return "pin"
        if self.inputs.promote_from:
            return "promote"
        return "reuse" if self.ami else "build"

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "outcome": self.outcome,
            "ami_id": self.ami.ami_id if self.ami else "",
            "family": self.inputs.family,
            "fingerprint": self.inputs.fingerprint,
            "refused": [{"ami_id": one.ami_id, "reason": _reason(one)} for one in self.refused],
            "against": {
                "ami_id": self.against.ami_id,
                "name": self.against.name,
                "commit": self.against.tags.get(TAG_COMMIT, ""),
                "built_at": self.against.built_at,
                **self.comparison.plain(),
            }
            if self.against and self.comparison
            else None,
        }

    def headline(self, now: datetime) -> str:
        """`build: there is no image of fingerprint 1a2b3c4d5e6f yet`"""
        if self.ami and self.outcome == "pin":
            return wording.pinned(self.ami.ami_id, self.ami, now) + ": the working tree decides nothing"
        if self.ami and self.outcome == "promote":
            told = wording.promoted(self.ami, self.inputs.promote_from, now)
            return f"{told}: the working tree decides nothing"
        short = self.inputs.fingerprint[:12]
        if self.ami:
            why = f"it has the working tree's fingerprint {short}"
            is_checked_first = is_to_be_verified(self.ami, self.inputs)
            return wording.reuse(self.ami, now, why, is_checked_first=is_checked_first)
        if not self.refused:
            return wording.build(f"there is no image of fingerprint {short} yet")
        others = ", ".join(f"{one.ami_id} {_reason(one)}" for one in self.refused)
        return wording.build(f"no image of fingerprint {short} can be used: {others}")

    def sections(self, now: datetime) -> list[tuple[str, list[tuple[str, str]]]]:
        """For people: what differs, where there is something to compare with."""
        if not self.against or not self.comparison:
            return []
        return [(f"against {self.against.ami_id} {wording.built(self.against, now)}", self.comparison.rows())]


def explain(inputs: ImageInputs, amis: Amis, snapshots: Snapshots, against: Ami | None) -> Explanation:
    """What would happen to *inputs*, and what differs from *against*, by default from the pinned or promoted
    image or, where one would be built, from the newest of the family.

    Raises AmiError where there is no image that may be used, and none may be built.
    """
    ami, images = _choose(inputs, amis)
    if against is None:
        is_chosen = bool(inputs.pinned_ami or inputs.promote_from)
        against = (ami if is_chosen else None) if ami else _newest(amis, inputs.family)
    return Explanation(
        inputs=inputs,
        ami=ami,
        refused=[] if ami else images,
        against=against,
        comparison=_compare_with(against, inputs, snapshots) if against else None,
    )


def _choose(inputs: ImageInputs, amis: Amis) -> tuple[Ami | None, list[Ami]]:
    """The image to use, and those of the fingerprint that it was chosen from."""
    if inputs.pinned_ami:
        pinned = pinned_image(amis, inputs)
        require_gate(amis, pinned, inputs)
        return pinned, []
    if inputs.promote_from:
        return promoted_image(amis, inputs), []
    if inputs.require_verified_in:
        return verified_image(amis, inputs), []
    images = images_of(amis, inputs)
    return usable_of(images) or usable_of(shared_images(amis, inputs)), images


def _newest(amis: Amis, family: str) -> Ami | None:
    found = amis.find_by_tags(**{TAG_BUILT_BY: TAG_BUILT_BY_PACKER, TAG_FAMILY: family})
    return next((ami for ami in found if ami.is_available and not ami.refusal), None)


def _compare_with(ami: Ami, inputs: ImageInputs, snapshots: Snapshots) -> Comparison:
    try:
        old = record_on(snapshots.find(ami.snapshot_ids))
    except RecordError as error:
        return Comparison(files={}, variables=[], hindrance=str(error))
    return compare(old, recorded(inputs.file_digests, inputs.variables))


def _reason(ami: Ami) -> str:
    return f"is {ami.refusal or ami.state}"
