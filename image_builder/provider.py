"""The life of a PackerImage: check, diff, create, read, update, delete. Decisions only.

The import path of PackerImageProvider is in every state (Pulumi stores the class by reference): never rename
or move it.

The engine calls check (once, without olds) for a new image, and check, diff and check again for one that is
replaced; so check announces a new image, diff a changed one, and what was said already is not said again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from image_builder import wording
from image_builder.ami import TAG_COMMIT, TAG_DIRTY, TAG_FINGERPRINT, TAG_PACKER_VERSION, TAG_SOURCE_AMI, Ami
from image_builder.amis import Amis
from image_builder.announcements import (
    announce_news_of_bases,
    announce_outcome,
    announce_promotion,
    check_build,
    check_gate,
    check_pin,
    choose_promoted,
    refusal_of_recorded,
    say,
)
from image_builder.bases.known_base import require_base_images
from image_builder.building.adoption import reuse
from image_builder.building.build import build_image
from image_builder.building.build_lock import is_being_built, only_builder, remove_free_locks
from image_builder.ec2_client import reason_and_advice
from image_builder.errors import AmiError, ImageBuildError
from image_builder.inputs import (
    NAMES,
    OF_THE_WORKING_TREE,
    ImageInputs,
    inputs_from,
    is_chosen,
    is_known,
    problems_with,
)
from image_builder.leftovers.dead_runs import remove_what_dead_runs_left
from image_builder.lookup import is_to_be_verified, pinned_image
from image_builder.releasing.gates import promoted_image, require_gate, verified_image
from image_builder.releasing.originals import keep_successes
from image_builder.verifying.verification import verify_image


class PackerImageProvider(ResourceProvider):
    """Makes an AMI exist: by using the pinned one, by finding one of this fingerprint, or by building it."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """All that is wrong with the inputs, at once; and of a new image what will happen."""
        # While pinned or promoted, the working tree decides nothing: its fingerprint is not even recorded.
        left_out = OF_THE_WORKING_TREE if is_chosen(news) else ()
        inputs = {name: news[name] for name in NAMES if news.get(name) is not None and name not in left_out}
        problems = problems_with(news)
        if not problems and all(is_known(inputs.get(name)) for name in NAMES):
            problems = _check_choice(inputs, _olds)
        return CheckResult(inputs, [CheckFailure(name, reason) for name, reason in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Replacement when the image is to be another one, be it that the recorded one is revoked or gone by
        now; otherwise no change at all.
        """
        replaces = what_replaces(_olds, _news)
        if all(is_known(_news.get(name)) for name in NAMES):
            if replaces and _news.get("promoted_ami"):
                announce_promotion(inputs_from(_news), _olds.get("git_commit") or "")
            elif replaces:
                announce_outcome(inputs_from(_news), wording.why_changed(_olds, _news))
            elif refusal := refusal_of_recorded(inputs_from(_news), _id):
                replaces = ["ami_id"]
                announce_outcome(inputs_from(_news), f"{_id} {refusal}")
        return DiffResult(changes=bool(replaces), replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The image: pinned or promoted and checked, else reused, else, where it may be, built."""
        inputs = inputs_from(props)
        with _short_errors(inputs.family, inputs.region):
            amis = Amis.watched(inputs.region, lambda line: say(inputs.family, line))
            ami, origin = _make(inputs, amis)
            if inputs.require_verified_in or inputs.promote_from:
                keep_successes(ami, amis, lambda line: say(inputs.family, line))
            remove_what_dead_runs_left(Path.cwd(), inputs.region, lambda line: say(inputs.family, line))
            remove_free_locks(Path.cwd())
        return CreateResult(ami.ami_id, {**props, **outputs_of(ami, inputs, origin)})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The image as recorded, or gone when its AMI was deregistered behind our back."""
        with _short_errors(props["family"], props["region"]):
            ami = Amis.of(props["region"]).get(id_)
        if ami is None:
            say(
                props["family"],
                f"{id_} is deregistered: the next up finds another of its fingerprint, or builds",
            )
            return ReadResult(id_="", outs={})
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """The same image under new inputs; diff asks for none, but Pulumi's default loses the outputs."""
        return UpdateResult({**_olds, **_news})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing is removed from AWS: a rollback needs the AMI. Retention is an act of its own."""


def what_replaces(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The inputs whose change means another image; *olds* are inputs and outputs as recorded."""
    names = ["family", "region", "pinned_ami", "promoted_ami"]
    # A chosen image's recorded fingerprint is that of the AMI; only the choice says what it was made for.
    if not any(props.get(name) for props in (olds, news) for name in ("pinned_ami", "promoted_ami")):
        names.append("fingerprint")
    return [name for name in names if (olds.get(name) or None) != (news.get(name) or None)]


def outputs_of(ami: Ami, inputs: ImageInputs, origin: str) -> dict[str, Any]:
    """What a program sees of the image; from the AMI's tags, so whoever built it, and whenever."""
    return {
        "ami_id": ami.ami_id,
        "ami_name": ami.name,
        "region": inputs.region,
        "fingerprint": ami.tags.get(TAG_FINGERPRINT, ""),
        "git_commit": ami.tags.get(TAG_COMMIT, ""),
        "git_dirty": ami.tags.get(TAG_DIRTY) == "true",
        "source_ami_id": ami.tags.get(TAG_SOURCE_AMI, "") or ami.source_ami_id,
        "packer_version": ami.tags.get(TAG_PACKER_VERSION, ""),
        "built_at": ami.built_at,
        "origin": origin,
    }


@contextmanager
def _short_errors(family: str, region: str) -> Iterator[None]:
    """Errors without the traceback that led to them: Pulumi prints all of it, before our one line."""
    try:
        yield
    except ImageBuildError as error:
        raise type(error)(f"image {family}: {error}") from None
    except (BotoCoreError, ClientError) as error:
        raise AmiError(
            f"image {family}: AWS could not be asked in {region}: {reason_and_advice(error)}"
        ) from None


def _check_choice(inputs: dict[str, Any], olds: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Whether the image may be deployed; *inputs* get the AMI that is promoted, and diff tells of changes."""
    if inputs.get("pinned_ami"):
        return check_pin(inputs_from(inputs))
    if inputs.get("promote_from"):
        inputs["promoted_ami"], problems = choose_promoted(inputs_from({**inputs, "promoted_ami": ""}))
        if not problems and (not olds or olds.get("promoted_ami") == inputs["promoted_ami"]):
            announce_promotion(inputs_from(inputs), "")
        return problems
    problems = check_gate(inputs_from(inputs)) or check_build(inputs_from(inputs))
    if not problems:
        if not olds:
            announce_outcome(inputs_from(inputs), "")
        announce_news_of_bases(inputs_from(inputs))
    return problems


def _make(inputs: ImageInputs, amis: Amis) -> tuple[Ami, str]:
    if inputs.pinned_ami:
        pinned = pinned_image(amis, inputs)
        require_gate(amis, pinned, inputs)
        return pinned, "pinned"
    if inputs.promote_from:
        return promoted_image(amis, inputs), "promoted"
    if inputs.require_verified_in:
        return verified_image(amis, inputs), "reused"

    def show(line: str) -> None:
        say(inputs.family, line)

    # While somebody builds it here, an AMI that is there already may yet fail what its build does last.
    if not is_being_built(Path.cwd(), inputs):
        found = reuse(inputs, amis, show)
        if found is not None and not is_to_be_verified(found, inputs):
            return found, "reused"
    with only_builder(Path.cwd(), inputs, show) as lock:
        # Another build of it may have ended since we looked.
        if (found := reuse(inputs, amis, show)) is not None:
            ami, origin = found, "reused"
        else:
            require_base_images(amis, inputs.folder)
            started = time.monotonic()
            ami, origin = build_image(inputs, amis, show, lock)
            show(f"{origin} {ami.ami_id} in {time.monotonic() - started:.0f} s")
        if is_to_be_verified(ami, inputs):
            ami = verify_image(inputs, ami, amis, show, lock)
        return ami, origin
