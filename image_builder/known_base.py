"""What AWS says of the base images that an image folder is locked to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from image_builder import wording
from image_builder.amis import Amis
from image_builder.base_image import is_newer, newest, problem_with_base, read_lock
from image_builder.errors import AmiError


def require_base_images(amis: Amis, folder: Path) -> None:
    """Raise AmiError when a base image for the region of *amis* cannot be built on (gone, revoked)."""
    lock = read_lock(folder)
    for locked in (lock.images.get(amis.region, {}) if lock else {}).values():
        if problem := problem_with_base(locked, amis.get(locked.ami_id), amis.region):
            raise AmiError(problem)


def newer_base_images(amis: Amis, folder: Path, now: datetime) -> str:
    """One line that says which newer base images there are than those locked in *folder*; empty for none."""
    lock = read_lock(folder)
    if lock is None:
        return ""
    news = []
    for architecture, locked in sorted(lock.images.get(amis.region, {}).items()):
        query = lock.found_by.get(architecture)
        if query is None:
            continue
        found = newest(amis.find_public(query.owners, {**query.filters, "architecture": architecture}))
        if found is not None and is_newer(found, locked):
            news.append(wording.newer_base(locked, found, now))
    return "; ".join(news)
