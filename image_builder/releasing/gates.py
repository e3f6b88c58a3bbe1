"""Which images a stack may run: those that succeeded in another stack first.

A rollout that succeeded tags its AMI `VerifiedIn:STACK` with the time; the newest of these is what the stack
runs, as far as the AMIs tell. A copy of an image succeeded where the image did: where its own tags do not
tell, the original is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from image_builder.ami import TAG_FAMILY, Ami
from image_builder.amis import Amis
from image_builder.errors import AmiError
from image_builder.inputs import ImageInputs
from image_builder.lookup import images_of, shared_images, usable_of, why_not_deployable
from image_builder.registry.inventory import VERIFIED_IN, moment_of
from image_builder.releasing.originals import TAG_COPIED_FROM, with_successes
from image_builder.wording import built


def has_succeeded_in(ami: Ami, stack: str, amis: Amis) -> bool:
    """Whether a rollout of *stack* succeeded with *ami*, or with what it is a copy of."""
    return _tells_of(stack, ami) or _tells_of(stack, *with_successes([ami], amis))


def newest_of(amis: Iterable[Ami], stack: str) -> Ami | None:
    """The one of *amis* that succeeded last in *stack*; a tag without a time, made by hand, is the oldest."""
    candidates = [ami for ami in amis if _tells_of(stack, ami)]
    return max(candidates, key=lambda ami: moment_of(ami.tags[f"{VERIFIED_IN}{stack}"]), default=None)


def image_that_ran_last_in(
    amis: Amis, family: str, stack: str, owners: Sequence[str] = ("self",)
) -> Ami | None:
    """What a rollout of *stack* succeeded with last, whatever became of it since."""
    return newest_of(_that_succeeded_in(amis, family, stack, owners), stack)


def promoted_image(amis: Amis, inputs: ImageInputs) -> Ami:
    """The image to deploy because it succeeded last in `promote_from`.

    Raises AmiError where nothing did, and where that one must not be used: an older one in its place would be
    a step back that nobody asked for. Once it is chosen, `promoted_ami`, the newest does not matter any more.
    """
    stack = inputs.promote_from
    candidates = _that_succeeded_in(amis, inputs.family, stack, inputs.owners)
    if inputs.promoted_ami:
        candidates = [ami for ami in candidates if ami.ami_id == inputs.promoted_ami]
    newest = newest_of(candidates, stack)
    if newest is None:
        told = f"{inputs.promoted_ami} is no longer one that" if inputs.promoted_ami else "no image"
        raise AmiError(
            f"{told} has succeeded in {stack} · an image of {inputs.family} with the tag "
            f"{VERIFIED_IN}{stack} was expected in {amis.region} · "
            f"run pulumi up --stack {stack}, then this again"
        )
    if refusal := why_not_deployable(newest, inputs.family):
        raise AmiError(
            f"{newest.ami_id} ({newest.name}), which succeeded last in {stack}, {refusal} · an image that "
            f"may be used was expected · run pulumi up --stack {stack}, which replaces it, then this again, "
            "or go back to one that succeeded earlier: pulumi config set pinnedAmi AMI"
        )
    require_gate(amis, newest, inputs)
    return newest


def verified_image(amis: Amis, inputs: ImageInputs) -> Ami:
    """The image of this fingerprint that succeeded in `require_verified_in`; AmiError where there is none."""
    stack = inputs.require_verified_in
    shared = shared_images(amis, inputs)
    images = [*images_of(amis, inputs), *shared]
    candidates = [ami for ami in images if _tells_of(stack, ami)]
    found = _deployable_of(candidates, inputs)
    if found is None:
        candidates = [ami for ami in with_successes(images, amis) if _tells_of(stack, ami)]
        found = _deployable_of(candidates, inputs)
    if found is None and shared and not candidates:
        raise AmiError(
            f"{shared[0].ami_id}, which account {shared[0].owner_id} shares, has not succeeded in {stack} as "
            "far as this account sees: the tags of an AMI are seen by its owner alone · one that did was "
            f"expected · where {stack} is in that account, have the gate in the stack that shares the image, "
            "and none here: pulumi config rm requireVerifiedIn"
        )
    if found is None:
        refused = ", ".join(f"{ami.ami_id} {why_not_deployable(ami, inputs.family)}" for ami in candidates)
        raise AmiError(
            f"no image of fingerprint {inputs.fingerprint[:12]} "
            f"{f'can be used: {refused}' if refused else f'has succeeded in {stack}'} · one that did was "
            f"expected, and {_what_runs(amis, inputs)} · run pulumi up --stack {stack} with these files, "
            "then this again"
        )
    return found


def require_gate(amis: Amis, ami: Ami, inputs: ImageInputs) -> None:
    """Raise AmiError when *ami*, pinned or promoted, has not succeeded where it has to first."""
    stack = inputs.require_verified_in
    if not stack or (inputs.pinned_ami and inputs.allow_unverified_pin):
        return
    if has_succeeded_in(ami, stack, amis):
        return
    advice = f"pulumi up --stack {stack} with it first"
    if inputs.pinned_ami:
        advice = "pin one that did; in an emergency, pulumi config set allowUnverifiedPin true"
    raise AmiError(
        f"{ami.ami_id} ({ami.name}) has not succeeded in {stack} · an image that did was expected, and "
        f"{_what_runs(amis, inputs)} · {advice}"
    )


def _what_runs(amis: Amis, inputs: ImageInputs) -> str:
    stack = inputs.require_verified_in
    ami = image_that_ran_last_in(amis, inputs.family, stack, inputs.owners)
    if ami is None:
        return f"nothing has succeeded in {stack} yet"
    return f"{stack} runs {ami.ami_id} {built(ami, datetime.now(UTC))}"


def _deployable_of(candidates: Iterable[Ami], inputs: ImageInputs) -> Ami | None:
    return usable_of(ami for ami in candidates if not why_not_deployable(ami, inputs.family))


def _that_succeeded_in(amis: Amis, family: str, stack: str, owners: Sequence[str]) -> list[Ami]:
    here = amis.find_by_tags(**{TAG_FAMILY: family, f"{VERIFIED_IN}{stack}": "*"})
    copies = with_successes(amis.find_by_tags(**{TAG_FAMILY: family, TAG_COPIED_FROM: "*"}), amis)
    others = [owner for owner in owners if owner != "self"]
    # With tags that this account put on them when a stack of its own ran them.
    tags = {f"tag:{TAG_FAMILY}": family, f"tag:{VERIFIED_IN}{stack}": "*"}
    shared = amis.find_public(others, tags) if others else []
    return list({ami.ami_id: ami for ami in [*here, *copies, *shared] if _tells_of(stack, ami)}.values())


def _tells_of(stack: str, ami: Ami) -> bool:
    return f"{VERIFIED_IN}{stack}" in ami.tags
