"""The base image that a family is built on, pinned in a file of the image folder like a package lock.

The template reads the same file, and the fingerprint covers it: another base is another image, and a change
that a pull request shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from image_builder.ami import Ami
from image_builder.errors import TemplateError

LOCK_FILE = "base-image.lock.json"


@dataclass(frozen=True, kw_only=True)
class LockedImage:
    """One base image; it belongs to one region and architecture, as every AMI does."""

    ami_id: str
    name: str
    owner_id: str
    created_at: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """How the base images of one architecture are found: their owners and DescribeImages' filters."""

    owners: tuple[str, ...]
    filters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class BaseImageLock:
    """The base images by region and architecture, and by architecture how they were found."""

    found_by: Mapping[str, Query]
    images: Mapping[str, Mapping[str, LockedImage]]

    def with_image(self, region: str, architecture: str, image: LockedImage) -> BaseImageLock:
        """This lock with another image in one place."""
        in_region = {**self.images.get(region, {}), architecture: image}
        return replace(self, images={**self.images, region: in_region})

    def to_text(self) -> str:
        """The file's contents: the same for equal locks, one line for each fact, so that diffs are short."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def read_lock(folder: Path) -> BaseImageLock | None:
    """The lock of the image in *folder*; None when it has none. Raises TemplateError when it is no lock."""
    file = folder / LOCK_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(
            f"{file} cannot be read ({error}) · a text file was expected · put it back as it was committed"
        ) from error
    try:
        record = json.loads(text)
        return BaseImageLock(
            found_by={
                architecture: Query(owners=tuple(query["owners"]), filters=dict(query["filters"]))
                for architecture, query in record["found_by"].items()
            },
            images={
                region: {architecture: _locked(image) for architecture, image in images.items()}
                for region, images in record["images"].items()
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TemplateError(
            f"{file} is no lock of base images ({type(error).__name__}: {error}) · found_by and images were "
            "expected · put it back as it was committed, then run python -m image_builder lock"
        ) from error


def newest(amis: Iterable[Ami]) -> LockedImage | None:
    """The base image to lock: the newest of *amis* that can be launched and is not refused."""
    usable = [ami for ami in amis if ami.is_available and not ami.refusal]
    ami = max(usable, key=lambda ami: (ami.created_at, ami.name), default=None)
    if ami is None:
        return None
    return LockedImage(ami_id=ami.ami_id, name=ami.name, owner_id=ami.owner_id, created_at=ami.created_at)


def is_newer(found: LockedImage | None, locked: LockedImage) -> bool:
    """Whether *found* was made after *locked*."""
    return (
        found is not None
        and found.ami_id != locked.ami_id
        and _moment(found.created_at) > _moment(locked.created_at)
    )


def _locked(image: Mapping[str, str]) -> LockedImage:
    locked = LockedImage(**image)
    _moment(locked.created_at)  # A ValueError here is a word about the file, later none.
    return locked


def _moment(text: str) -> datetime:
    """*text* as a time; of a file that was written by hand it may have no offset, and UTC is meant."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def problem_with_region(lock: BaseImageLock | None, region: str) -> str:
    """Why an image of this lock cannot be built in *region*; nothing when it can."""
    if lock is None or lock.images.get(region):
        return ""
    return (
        f"{LOCK_FILE} has no base image for {region} · it has some for {', '.join(sorted(lock.images))} · "
        f"run python -m image_builder lock --region {region}"
    )


def why_not_buildable(found: Ami | None, region: str) -> str:
    """Why nothing can be built on what AWS knows as *found*; nothing when it can."""
    if found is None:
        return f"does not exist in {region} (deregistered by its owner, or never there)"
    if found.refusal:
        return f"is {found.refusal}"
    return "" if found.is_available else f"is {found.state}"


def problem_with_base(locked: LockedImage, found: Ami | None, region: str) -> str:
    """Why nothing can be built on *locked*, which AWS knows as *found*; nothing when it can."""
    why = why_not_buildable(found, region)
    return why and (
        f"base image {locked.ami_id} ({locked.name}) of {LOCK_FILE} {why} · one to build on was expected · "
        f"run python -m image_builder lock --region {region}, and commit the change"
    )
