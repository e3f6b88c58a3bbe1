"""What AWS says of the base images that an image folder is locked to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from image_builder import wording
from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.bases.base_image import is_newer, newest, problem_with_base, problem_with_region, read_lock
from image_builder.errors import AmiError
from image_builder.packer_template.template import read_template
from image_builder.registry.ancestry import base_of
from image_builder.releasing.revocation import TAG_REVOKED, revocation_in


def require_base_images(amis: Amis, folder: Path) -> None:
    """Raise AmiError when a base image for the region of *amis* cannot be built on (gone, revoked)."""
    if problem := base_problem(amis, folder):
        raise AmiError(problem)


def base_problem(amis: Amis, folder: Path) -> str:
    """Why nothing can be built on the bases that *folder* names, in its lock or its template; or nothing."""
    lock = read_lock(folder)
    if problem := problem_with_region(lock, amis.region):
        return problem
    for locked in (lock.images.get(amis.region, {}) if lock else {}).values():
        if problem := problem_with_base(locked, amis.get(locked.ami_id), amis.region):
            return problem
    for ami_id in read_template(folder).source_amis:
        ami = amis.get(ami_id)
        if ami is not None and ami.refusal:
            return (
                f"{folder}: source_ami {ami_id} is {ami.refusal} · one to build on was expected · "
                "name another one in the template"
            )
    return ""


def follow_base(ami: Ami, amis: Amis) -> None:
    """Revoke *ami*, which was just built, if its base is: since it began, or the template found it."""
    base = amis.get(base_of(ami)) if base_of(ami) else None
    revocation = revocation_in(base.tags) if base else None
    if base is None or revocation is None:
        return
    cause = revocation.cause if revocation.relation == "base" else base.ami_id
    ami = amis.add_tags(ami, {TAG_REVOKED: revocation.because_of(cause).value})
    if ami.refusal:
        raise AmiError(
            f"{ami.ami_id} was built on a revoked base and is {ami.refusal} · build on another one: "
            f"python -m image_builder lock --region {amis.region}, or another source_ami in the template"
        )


def news_of_bases(amis: Amis, folder: Path, now: datetime) -> str:
    """One line on the images that *folder* is locked to: which are to be revoked, and which have a newer one;
    empty for none.
    """
    lock = read_lock(folder)
    if lock is None:
        return ""
    news = []
    locked_images = lock.images.get(amis.region, {})
    known = amis.find_by_ids(locked.ami_id for locked in locked_images.values())
    for architecture, locked in sorted(locked_images.items()):
        if locked.ami_id in known and known[locked.ami_id].warning:
            news.append(f"base image {locked.ami_id} ({locked.name}) is {known[locked.ami_id].warning}")
        query = lock.found_by.get(architecture)
        if query is None:
            continue
        found = newest(amis.find_public(query.owners, {**query.filters, "architecture": architecture}))
        if found is not None and is_newer(found, locked):
            news.append(wording.newer_base(locked, found, now))
    return "; ".join(news)
