"""What a user reads of an image before anything happens: which of pin, reuse and build it will be, and why.

Where it is read was tried with the real engine (CLI 3.259): a line printed by the provider appears at once,
under the stack, in preview and in `up`. A program's pulumi.log.info(…, resource) would stand under the image
itself, but in `up` appears only after the image is made, and the program does not know what changed. Preview
and update run in two processes, so `up` says everything in both.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from image_builder import wording
from image_builder.ami import TAG_COMMIT
from image_builder.amis import Amis
from image_builder.bases.base_image import problem_with_region, read_lock
from image_builder.bases.known_base import base_problem, news_of_bases
from image_builder.checkout.git import read_log
from image_builder.ec2_client import reason_and_advice, reason_of
from image_builder.errors import AmiError
from image_builder.inputs import ImageInputs
from image_builder.lookup import existing_image, is_to_be_verified, pinned_image
from image_builder.packer_template.given_variables import names_passed
from image_builder.packer_template.template import problem_with_values, read_template
from image_builder.packer_template.verification_template import booting_folder
from image_builder.releasing.gates import has_succeeded_in, promoted_image, require_gate, verified_image

_announced: set[tuple[str, ...]] = set()
_announced_lock = threading.Lock()


def check_pin(inputs: ImageInputs) -> list[tuple[str, str]]:
    """Whether the pin holds; without AWS a preview goes on, and create looks again."""
    now = datetime.now(UTC)
    try:
        amis = Amis.of(inputs.region, is_preview=True)
        ami = pinned_image(amis, inputs)
        require_gate(amis, ami, inputs)
    except AmiError as error:
        return [("pinned_ami", str(error))]
    except (BotoCoreError, ClientError) as error:
        _announce(inputs, wording.pinned(inputs.pinned_ami, None, now, reason_of(error)))
    else:
        _announce(inputs, wording.pinned(inputs.pinned_ami, ami, now))
    return []


def check_gate(inputs: ImageInputs) -> list[tuple[str, str]]:
    """Whether the image succeeded where it has to first; without AWS a preview goes on as with a pin."""
    if not inputs.require_verified_in:
        return []
    try:
        verified_image(Amis.of(inputs.region, is_preview=True), inputs)
    except AmiError as error:
        return [("require_verified_in", str(error))]
    except (BotoCoreError, ClientError):
        return []  # announce_outcome says that AWS does not answer.
    return []


def check_build(inputs: ImageInputs) -> list[tuple[str, str]]:
    """Whether the image could be built, where it has to be; one that is there needs nothing of the kind.

    A value that is missing is said and no failure: whoever previews a build need not have its secrets.
    """
    if inputs.require_verified_in:
        return []
    region = problem_with_region(read_lock(inputs.folder), inputs.region)
    folders = {inputs.folder, booting_folder(inputs.folder) if inputs.verify else inputs.folder}
    problems = (
        problem_with_values(folder, read_template(folder), names_passed(vars(inputs)), os.environ)
        for folder in sorted(folders)
    )
    values = [problem for problem in problems if problem]
    if not region and not values:
        return []
    try:
        found = existing_image(Amis.of(inputs.region, is_preview=True), inputs)
    except (BotoCoreError, ClientError):
        return []  # announce_outcome says that AWS does not answer, and create looks again.
    if found is not None:
        return []
    for problem in values:
        _announce(inputs, f"the build will be refused: {problem}", "values")
    return [("region", region)] if region else []


def choose_promoted(inputs: ImageInputs) -> tuple[str, list[tuple[str, str]]]:
    """The AMI to promote, or why there is none."""
    try:
        return promoted_image(Amis.of(inputs.region, is_preview=True), inputs).ami_id, []
    except AmiError as error:
        return "", [("promote_from", str(error))]
    except (BotoCoreError, ClientError) as error:
        reason = reason_and_advice(error)
        problem = f"AWS could not be asked what succeeded in {inputs.promote_from}: {reason}"
        return "", [("promote_from", problem)]


def announce_promotion(inputs: ImageInputs, running_commit: str) -> None:
    """Say which image is promoted, and the commits between it and what runs, where they are known here."""
    try:
        amis = Amis.of(inputs.region, is_preview=True)
        ami = promoted_image(amis, inputs)
    except (AmiError, BotoCoreError, ClientError):
        return  # check has said why, or create will.
    commit = ami.tags.get(TAG_COMMIT, "")
    forth = read_log(inputs.folder, running_commit, commit)
    back = read_log(inputs.folder, commit, running_commit)
    lines = [wording.promoted(ami, inputs.promote_from, datetime.now(UTC))]
    if running_commit and commit:
        lines += wording.commits_between(running_commit, forth, back)
    _announce(inputs, "\n".join(lines))


def announce_outcome(inputs: ImageInputs, why: str) -> None:
    """Say which of reuse and build it will be, and why: read-only, and without AWS as much as can be said."""
    if inputs.pinned_ami or inputs.promoted_ami:
        return  # it has been said
    short = inputs.fingerprint[:12]
    stack = inputs.require_verified_in
    try:
        amis = Amis.of(inputs.region, is_preview=True)
        found = verified_image(amis, inputs) if stack else existing_image(amis, inputs)
    except AmiError:
        return  # check has said why.
    except (BotoCoreError, ClientError) as error:
        because, hindrance = why or f"fingerprint {short}", reason_of(error)
        told = wording.reuse_or_refuse(because, stack, hindrance)
        _announce(inputs, told if stack else wording.build_or_reuse(because, hindrance))
        return
    if found is None:
        _announce(inputs, wording.build(why or f"there is no image of fingerprint {short} yet"))
        _announce_base_problem(inputs)
    else:
        # What succeeded elsewhere is used as it is.
        is_checked_first = not stack and is_to_be_verified(found, inputs)
        _announce(inputs, wording.reuse(found, datetime.now(UTC), why, is_checked_first=is_checked_first))


def refusal_of_recorded(inputs: ImageInputs, ami_id: str) -> str:
    """Why *ami_id*, which the state holds, must not be used any more (`is Revoked …`, `is deregistered`, `has
    not succeeded in …`); a moment to come is said here.

    A pinned or promoted one was checked before. Without AWS there is nothing to tell.
    """
    if inputs.pinned_ami or inputs.promoted_ami:
        return ""
    stack = inputs.require_verified_in
    try:
        amis = Amis.of(inputs.region, is_preview=True)
        ami = amis.get(ami_id)
        is_past_gate = ami is None or not stack or has_succeeded_in(ami, stack, amis)
    except (BotoCoreError, ClientError):
        return ""
    if ami is not None and ami.warning:
        _announce(inputs, f"{ami_id} is {ami.warning} · roll out another image until then", "revocation")
    if ami is None:
        return "is deregistered"
    if ami.refusal or not ami.is_available:
        return f"is {ami.refusal or ami.state}"
    return "" if is_past_gate else f"has not succeeded in {stack}"


def announce_news_of_bases(inputs: ImageInputs) -> None:
    """Say that a newer base exists, or that the present one is to be revoked; nothing is rolled out for it
    by itself. Without AWS nothing is said.
    """
    try:
        line = news_of_bases(Amis.of(inputs.region, is_preview=True), inputs.folder, datetime.now(UTC))
    except (BotoCoreError, ClientError):
        return  # Only a word less; whatever needs AWS says that it does not answer.
    if line:
        _announce(inputs, line, "base image")


def _announce_base_problem(inputs: ImageInputs) -> None:
    """Say why the build will be refused, if it will."""
    try:
        problem = base_problem(Amis.of(inputs.region, is_preview=True), inputs.folder)
    except (BotoCoreError, ClientError):
        return  # The build looks again, and says what AWS says.
    if problem:
        _announce(inputs, f"the build will be refused: {problem}", "base problem")


def _announce(inputs: ImageInputs, line: str, about: str = "outcome") -> None:
    """Say *line*, once in this process for what it is *about* of one image that is to be."""
    image = inputs.pinned_ami or inputs.promoted_ami or inputs.fingerprint
    subject = (about, inputs.family, inputs.region, image)
    with _announced_lock:
        if subject in _announced:
            return
        _announced.add(subject)
    say(inputs.family, line)


def say(family: str, line: str) -> None:
    # The plugin's standard output is a pipe: without flush nothing is seen before it ends.
    for part in line.splitlines():
        print(f"image {family}: {part}", flush=True)
