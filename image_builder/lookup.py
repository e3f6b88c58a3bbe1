"""Which AMI there is already: the one that is pinned, or one of this fingerprint."""

from __future__ import annotations

from collections.abc import Iterable

from image_builder.ami import TAG_BUILT_BY, TAG_BUILT_BY_PACKER, TAG_FAMILY, TAG_FINGERPRINT, TAG_RUN, Ami
from image_builder.amis import Amis
from image_builder.errors import AmiError
from image_builder.inputs import ImageInputs
from image_builder.registry.inventory import VERIFIED_IN

_MOST_GENERATIONS = 99


def pinned_image(amis: Amis, inputs: ImageInputs) -> Ami:
    """The AMI that is pinned, once it proves to be one that may be deployed."""
    ami = amis.get(inputs.pinned_ami)
    if ami is None:
        raise AmiError(
            f"pinned AMI {inputs.pinned_ami} does not exist in {amis.region} in this account, or is "
            "deregistered · pin another one, or remove the pin"
        )
    if reason := why_not_deployable(ami, inputs.family):
        raise AmiError(f"pinned AMI {ami.ami_id} ({ami.name}) {reason} · pin another one, or remove the pin")
    if inputs.verify and not inputs.allow_unverified_pin and not _has_proved_itself(ami):
        # Its own checks are in the files that it was built of, which are not those that are here.
        raise AmiError(
            f"pinned AMI {ami.ami_id} ({ami.name}) has not passed its checks · one that did, or that a "
            "rollout succeeded with, was expected · pulumi up without the pin and with its files runs them; "
            "in an emergency, pulumi config set allowUnverifiedPin true"
        )
    return ami


def _has_proved_itself(ami: Ami) -> bool:
    return ami.is_verified or any(key.startswith(VERIFIED_IN) for key in ami.tags)


def why_not_deployable(ami: Ami, family: str) -> str:
    """Why *ami* must not be deployed as an image of *family*; nothing when it may be."""
    if not ami.is_available:
        return (
            f"is {ami.state}{f' ({ami.state_reason})' if ami.state_reason else ''} · available was expected"
        )
    if ami.refusal:
        return f"is {ami.refusal}"
    if ami.tags.get(TAG_BUILT_BY) != TAG_BUILT_BY_PACKER:
        found = ami.tags.get(TAG_BUILT_BY)
        return f"has the tag {TAG_BUILT_BY}={found or '(none)'} · {TAG_BUILT_BY_PACKER} was expected"
    if ami.tags.get(TAG_FAMILY) != family:
        return f"has the tag {TAG_FAMILY}={ami.tags.get(TAG_FAMILY) or '(none)'} · {family} was expected"
    return ""


def existing_image(amis: Amis, inputs: ImageInputs) -> Ami | None:
    """The AMI of this fingerprint that can be used, or is being registered; None when one must be built.

    This account's own comes first, then one that a trusted account shares.
    """
    return usable_of(images_of(amis, inputs)) or usable_of(shared_images(amis, inputs))


def shared_images(amis: Amis, inputs: ImageInputs) -> list[Ami]:
    """The AMIs of this fingerprint that the accounts of `owners` share with this one; the name tells.

    An account does not see the tags that others put on an AMI (EC2 user guide, "Tag your Amazon EC2
    resources"), but AWS lets nobody else be its owner, and the name has much of the fingerprint.
    """
    owners = [owner for owner in inputs.owners if owner != "self"]
    if not owners:
        return []
    names = set(_generations(inputs.ami_name))
    found = amis.find_public(owners, {"name": f"{inputs.ami_name}*"})
    return [ami for ami in found if ami.name in names and ami.owner_id in owners]


def images_of(amis: Amis, inputs: ImageInputs) -> list[Ami]:
    """All AMIs of this fingerprint, whatever became of them."""
    tagged = amis.find_by_tags(**{TAG_FINGERPRINT: inputs.fingerprint, TAG_FAMILY: inputs.family})
    # Where the template takes no tags and the build was cut off after registration, only the name tells.
    named = [
        ami
        for ami in named_images(amis, inputs)
        if ami.tags.get(TAG_FINGERPRINT, inputs.fingerprint) == inputs.fingerprint
    ]
    return list({ami.ami_id: ami for ami in [*tagged, *named]}.values())


def images_of_run(amis: Amis, run_id: str) -> list[Ami]:
    """All AMIs that the run *run_id* made: each has its tag, whatever its template says (run_tags.py)."""
    return amis.find_by_tags(**{TAG_RUN: run_id})


def named_images(amis: Amis, inputs: ImageInputs) -> list[Ami]:
    """Our AMIs that have the name of this image, or of a later generation of it."""
    names = set(_generations(inputs.ami_name))
    return [ami for ami in amis.find_by_name(f"{inputs.ami_name}*") if ami.name in names]


def usable_of(images: Iterable[Ami]) -> Ami | None:
    """The one of *images* to use: not refused, available rather than pending, verified rather than not."""
    candidates = [ami for ami in images if not ami.refusal and ami.state in ("available", "pending")]
    return min(candidates, key=lambda ami: (not ami.is_available, not ami.is_verified), default=None)


def is_to_be_verified(ami: Ami, inputs: ImageInputs) -> bool:
    """Whether the checks of *ami* have yet to pass before it is used; where it had to succeed, they have."""
    return inputs.verify and not inputs.require_verified_in and not ami.is_verified


def free_name(amis: Amis, inputs: ImageInputs) -> str:
    """The name for a new AMI: a revoked, rejected, failed or disabled one keeps its own while registered."""
    taken = {ami.name for ami in named_images(amis, inputs)}
    for name in _generations(inputs.ami_name):
        if name not in taken:
            return name
    raise AmiError(
        f"all names from {inputs.ami_name} to {inputs.ami_name}-{_MOST_GENERATIONS} are taken by AMIs that "
        "cannot be used · deregister some"
    )


def _generations(name: str) -> list[str]:
    return [name, *(f"{name}-{number}" for number in range(2, _MOST_GENERATIONS + 1))]
