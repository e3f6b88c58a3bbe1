"""`lock`: the base image that the next image is built on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_builder.commands.common import Exit, print_json, print_table

if TYPE_CHECKING:
    from image_builder.bases.base_image import BaseImageLock, LockedImage

HELP = "pin the newest base image, or with --check say whether there is a newer one"
DESCRIPTION = """\
Looks for the newest base image of each region and architecture in base-image.lock.json, as the file
itself says (owners and filters), and writes what it finds into the file. Instead of a base that is
revoked or gone it takes the newest that is neither, be it an older one. The file is part of the
image: the next `pulumi up` builds on the new base, and a pull request shows the change. With
--region that region alone is looked at, and added when the file has not got it."""
EXAMPLES = """examples:
  pin the newest base image of every region in the file:
    python -m image_builder lock
  build in another region, too:
    python -m image_builder lock --region eu-west-1
  a weekly check, which ends with 3 when there is a newer one:
    python -m image_builder lock --check"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("images/web-app"),
        help="the folder of the image (default: images/web-app)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end with 3 when there is another to lock"
    )


def run(options: argparse.Namespace) -> Exit:
    """Look, and without --check write."""
    from datetime import UTC, datetime

    from image_builder.bases.base_image import LOCK_FILE, is_newer, read_lock
    from image_builder.errors import TemplateError
    from image_builder.wording import age

    lock = read_lock(options.folder)
    if lock is None:
        raise TemplateError(
            f"{options.folder} has no {LOCK_FILE} · one was expected, which says how base images are found · "
            "copy it from an image that has one, or give --folder"
        )
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for region, architecture, locked, found, problem in _look(lock, options):
        is_another = locked is None or is_newer(found, locked) or bool(problem)
        rows.append(
            {
                "region": region,
                "architecture": architecture,
                "locked": _plain(locked) if locked else None,
                "locked_age": age(locked.created_at, now) if locked else "",
                "newest": _plain(found),
                "newest_age": age(found.created_at, now),
                "is_to_be_locked": is_another,
                "problem": problem,
            }
        )
        if is_another:
            lock = lock.with_image(region, architecture, found)
    news = [row for row in rows if row["is_to_be_locked"]]
    if news and not options.check:
        (options.folder / LOCK_FILE).write_text(lock.to_text())
    if options.json:
        print_json(rows)
    else:
        _show(rows)
        for row in filter(lambda row: row["problem"], rows):
            print(row["problem"], flush=True)
        _conclude(len(news), options)
    return Exit.FOUND if news and options.check else Exit.DONE


def _plain(image: LockedImage) -> dict[str, str]:
    return {
        "ami_id": image.ami_id,
        "name": image.name,
        "owner_id": image.owner_id,
        "created_at": image.created_at,
    }


def _look(
    lock: BaseImageLock, options: argparse.Namespace
) -> Iterator[tuple[str, str, LockedImage | None, LockedImage, str]]:
    """Region, architecture, what is locked, the newest that there is, and why the locked one will not do."""
    from image_builder.amis import Amis
    from image_builder.bases.base_image import newest, why_not_buildable
    from image_builder.ec2_client import make_client
    from image_builder.errors import AmiError

    for region in [options.region] if options.region else sorted(lock.images):
        amis = Amis(make_client(region, profile=options.profile), region)
        for architecture in lock.images.get(region) or lock.found_by:
            query = lock.found_by[architecture]
            found = newest(amis.find_public(query.owners, {**query.filters, "architecture": architecture}))
            if found is None:
                raise AmiError(
                    f"{region} has no {architecture} image of {', '.join(query.owners)} that is called "
                    f"{query.filters.get('name', 'anything')} · a base image was expected · mend found_by of "
                    f"{architecture} in the lock"
                )
            locked = lock.images.get(region, {}).get(architecture)
            why = why_not_buildable(amis.get(locked.ami_id), region) if locked else ""
            yield (
                region,
                architecture,
                locked,
                found,
                f"{locked.ami_id} {why}" if locked and why else "",
            )


def _show(rows: list[dict[str, Any]]) -> None:
    print_table(
        ("Region", "Architecture", "Locked", "Newest"),
        [
            (
                row["region"],
                row["architecture"],
                _told(row["locked"], row["locked_age"]),
                _told(row["newest"], row["newest_age"]) if row["is_to_be_locked"] else "the same",
            )
            for row in rows
        ],
    )


def _told(image: dict[str, str] | None, age: str) -> str:
    return f"{image['ami_id']} {image['name']} ({age})" if image else "-"


def _conclude(news: int, options: argparse.Namespace) -> None:
    if not news:
        print("no newer base image", flush=True)
    elif options.check:
        print(
            f"{news} to be locked · run python -m image_builder lock, and commit the change",
            file=sys.stderr,
            flush=True,
        )
    else:
        print(f"{options.folder / 'base-image.lock.json'} is written · commit it, then pulumi up", flush=True)
