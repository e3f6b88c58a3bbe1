"""`report`: one page about all images and groups."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from image_builder.commands.common import Exit, account_of, complain, print_json
from image_builder.commands.reckoning import reckon

if TYPE_CHECKING:
    from image_builder.registry.account import Account
    from image_builder.telling.report import Report

HELP = "write one self-contained HTML page: environments, lineage of the images, rollouts"
DESCRIPTION = """\
Writes a page about every Auto Scaling group of this project (image, commit, age, instances on and off
it, last rollouts), every image with what it is built on, where it runs and whether it may be used, the
lineage as a picture, and the rollouts in time. The page needs no network and has no script: send it,
print it, or keep it with the build. It replaces an earlier report, and no other file."""
EXAMPLES = """examples:
  the state of this project, to look at:
    python -m image_builder report --html report.html && xdg-open report.html
  that of another one, in another region:
    python -m image_builder report --html shop.html --project shop --region eu-west-1
  does anything need a look? For a script:
    python -m image_builder report --json | jq -e '.attention == []'

with --json, instead of or beside the page, an object with these keys:
  project, region, made_at, attention (lines),
  groups (as `status --json`, with up to 20 rollouts), images (as `list --json`)"""

_ROLLOUTS = 20
_HEAD_BYTES = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument("--html", type=Path, metavar="FILE", help="where the page goes")
    parser.add_argument("--project", help="name of the Pulumi project (default: that of ./Pulumi.yaml)")


def run(options: argparse.Namespace) -> Exit:
    """Ask, and write."""
    from image_builder.checkout.stack_config import require_name

    if not options.html and not options.json:
        complain("report has nowhere to go · --html FILE, --json or both were expected")
        return Exit.USAGE
    if options.html:
        _require_place(options.html)
    report = _make_report(account_of(options), options.project or require_name(Path.cwd()))
    if options.html:
        _write(options.html, report.page())
    if options.json:
        print_json(report.plain())
    else:
        images, groups = _count(len(report.images), "image"), _count(len(report.groups), "group")
        print(f"{options.html}: {images}, {groups} of {report.project}", flush=True)
    return Exit.DONE


def _make_report(account: Account, project: str) -> Report:
    """What there is to tell of *project*."""
    from datetime import UTC, datetime

    from image_builder.registry.fleets import find_groups, find_instances, find_statuses
    from image_builder.telling.report import Report

    now = datetime.now(UTC)
    groups = find_groups(account.auto_scaling, project)
    instances = list(find_instances(account.ec2)) if groups else []
    return Report(
        project=project,
        region=account.amis.region,
        made_at=now,
        groups=find_statuses(account.ec2, account.auto_scaling, groups, instances, rollouts=_ROLLOUTS),
        images=reckon(account, now),
    )


def _require_place(file: Path) -> None:
    """Refuse a *file* that a page cannot, or should not, be written to."""
    from image_builder.errors import ImageBuildError
    from image_builder.telling.report import GENERATOR

    if not file.parent.is_dir():
        raise ImageBuildError(
            f"{file.parent} is no folder · one was expected for {file.name} · make it first"
        )
    if not file.exists():
        return
    if not file.is_file():
        raise ImageBuildError(f"{file} is a folder or a device, no file · the page needs one · name a file")
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if GENERATOR.encode() not in head:
        raise ImageBuildError(
            f"{file} exists and is no report · only a report is replaced · name another file, or remove it"
        )


def _write(file: Path, page: str) -> None:
    """Put *page* into *file*, wholly or not at all."""
    from image_builder.errors import ImageBuildError

    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(page)
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ImageBuildError(
            f"{file} cannot be written: {error.strerror} · a folder that you may write to was expected"
        ) from error


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
