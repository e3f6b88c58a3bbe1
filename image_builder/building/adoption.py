"""Whether an AMI that is there already may be used as an image of this fingerprint, whoever built it.

Post-processors may well be what checks an image. One that fails leaves its AMI: for a look, never for use.
Who ran the build marks it; where that process was killed meanwhile, whoever comes next here does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from image_builder.ami import (
    TAG_BUILT_BY,
    TAG_BUILT_BY_PACKER,
    TAG_FAMILY,
    TAG_FINGERPRINT,
    TAG_RUN,
    TAG_SOURCE_AMI,
    Ami,
)
from image_builder.amis import Amis
from image_builder.building.living_runs import living_runs
from image_builder.building.progress import Failure, read_failure
from image_builder.building.run_folder import LOG, RUNS
from image_builder.ec2_client import poll_delay_seconds
from image_builder.errors import AmiError
from image_builder.inputs import ImageInputs
from image_builder.lookup import existing_image, images_of_run
from image_builder.releasing.revocation import TAG_REJECTED

FAILED_POST_PROCESSOR = "a post-processor of its build failed"


def reuse(inputs: ImageInputs, amis: Amis, show: Callable[[str], None]) -> Ami | None:
    """The image that there is already; waits for one that is being registered, or is still judged here."""
    deadline = time.monotonic() + inputs.build_timeout_minutes * 60
    found = _judged(inputs, amis, show, deadline)
    if found is None:
        return None
    if not found.is_available:
        show(f"{found.ami_id} of the same fingerprint is being registered: waiting for it")
    try:
        return adopt(inputs, found, amis, deadline=deadline)
    except AmiError as error:
        show(f"{found.ami_id} cannot be reused: {error}")
        return None


def adopt(inputs: ImageInputs, found: Ami, amis: Amis, *, deadline: float) -> Ami:
    """The AMI *found* of this fingerprint once it is available, with the tags that it lacks."""
    ami = amis.wait_until_available(found.ami_id, deadline=deadline)
    if ami.refusal:
        raise AmiError(f"{ami.ami_id} is {ami.refusal}")
    if ami.owner_id in inputs.owners:
        ami = replace(ami, snapshot_ids=())  # its snapshots are another account's
    record = {
        TAG_BUILT_BY: TAG_BUILT_BY_PACKER,
        "Name": ami.name,
        TAG_FAMILY: inputs.family,
        TAG_FINGERPRINT: inputs.fingerprint,
        TAG_SOURCE_AMI: ami.source_ami_id,
    }
    return amis.add_tags(ami, record)


def reject_run(amis: Amis, run_id: str, reason: str, regions: Collection[str] = ()) -> None:
    """Mark what the run made here and in other *regions*, where stacks would find it too."""
    for region in {amis.region, *regions}:
        there = amis if region == amis.region else amis.elsewhere(region)
        for ami in images_of_run(there, run_id):
            there.add_tags(ami, {TAG_REJECTED: reason})


def is_of_a_post_processor(failure: Failure) -> bool:
    """Whether a build failed after it had made its AMI."""
    return "Post-processor failed" in failure.cause


def has_failed_here(project: Path, run_id: str) -> bool:
    """Whether a build of *project* ended with a failed post-processor, as its folder tells."""
    folder = project / RUNS / run_id
    try:
        exit_code = json.loads((folder / "build.json").read_text(encoding="utf-8"))["exit_code"]
        log = (folder / LOG).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(exit_code) and is_of_a_post_processor(read_failure(log.splitlines()))


def _judged(inputs: ImageInputs, amis: Amis, show: Callable[[str], None], deadline: float) -> Ami | None:
    """The image to use, once no build of it is at work on this machine, in whatever folder."""
    has_said = False
    while (found := existing_image(amis, inputs)) is not None:
        run_id = found.tags.get(TAG_RUN, "")
        process = living_runs().get(run_id)
        if process is None:
            break
        if not has_said:
            show(f"{found.ami_id} of the same fingerprint is still worked on by process {process}: waiting")
            has_said = True
        if time.monotonic() > deadline:
            raise AmiError(
                f"{found.ami_id} is still worked on by process {process} after "
                f"{inputs.build_timeout_minutes:g} min (build_timeout_minutes) · the end of its build was "
                "expected · end that process, or see the log of its run"
            )
        time.sleep(poll_delay_seconds())
    if found is not None and has_failed_here(Path.cwd(), found.tags.get(TAG_RUN, "")):
        amis.add_tags(found, {TAG_REJECTED: FAILED_POST_PROCESSOR})
        show(f"{found.ami_id} is marked Rejected: {FAILED_POST_PROCESSOR}")
        return None
    return found
