"""The record of an image while it is built: the tags of its AMI, and of the snapshots behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from image_builder.ami import (
    TAG_BUILT_AT,
    TAG_BUILT_BY,
    TAG_BUILT_BY_PACKER,
    TAG_COMMIT,
    TAG_DIRTY,
    TAG_FAMILY,
    TAG_FINGERPRINT,
    TAG_PACKER_VERSION,
    TAG_RUN,
    TAG_RUN_DEADLINE,
    Ami,
    iso,
)
from image_builder.amis import Amis
from image_builder.building import file_digests, packages, supervisor
from image_builder.building.file_digests import recorded
from image_builder.checkout.git import Commit
from image_builder.errors import RecordError
from image_builder.inputs import ImageInputs
from image_builder.registry.numbered_tags import MOST_TAGS


def tags_for(
    inputs: ImageInputs, *, ami_name: str, commit: Commit, packer_version: str, run_id: str
) -> dict[str, str]:
    """The record of an image, as the tags of its AMI; SourceAmi is known only once it is built."""
    now = datetime.now(UTC)
    return {
        TAG_BUILT_BY: TAG_BUILT_BY_PACKER,
        "Name": ami_name,
        TAG_FAMILY: inputs.family,
        TAG_FINGERPRINT: inputs.fingerprint,
        **({TAG_COMMIT: commit.sha, TAG_DIRTY: str(commit.is_dirty).lower()} if commit.sha else {}),
        TAG_PACKER_VERSION: packer_version,
        TAG_BUILT_AT: iso(now),
        TAG_RUN: run_id,
        TAG_RUN_DEADLINE: iso(run_deadline(now, inputs.build_timeout_minutes)),
    }


def run_deadline(started: datetime, timeout_minutes: float) -> datetime:
    """When nothing of a run works any more, wherever it runs: Packer is stopped at its timeout, or by its
    supervisor when it was left alone with an image that it registers; then it cleans up, or is killed.
    """
    return started + timedelta(
        minutes=timeout_minutes, seconds=supervisor.DEFAULT_FINISH_SECONDS + supervisor.DEFAULT_GRACE_SECONDS
    )


def record_contents(ami: Ami, inputs: ImageInputs, package_list: Path | None, amis: Amis) -> str:
    """Note on the snapshots of *ami*, which was just built of *inputs*, the digest of each file, and what is
    in *package_list*; why that cannot be noted, or nothing.
    """
    digests = file_digests.to_tags(recorded(inputs.file_digests, inputs.variables))
    listed: dict[str, str] = {}
    if package_list:
        try:
            listed = packages.to_tags(packages.read_list(package_list), room=MOST_TAGS - len(digests))
        except RecordError as error:
            listed = packages.not_recorded(str(error))
    amis.tag_snapshots(ami, {**digests, **listed})
    return listed.get(packages.KEY, "")
