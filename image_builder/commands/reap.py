"""`reap`: what runs of Packer left behind whose machine was lost."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from image_builder.commands.common import Exit, print_json, print_table

if TYPE_CHECKING:
    from image_builder.leftovers.reaping import Row

HELP = "list, or with --yes remove, what builds of lost machines left in AWS"
DESCRIPTION = """\
Lists the temporary instances, key pairs, security groups, volumes, snapshots and failed images of
this program's Packer runs, and says of each what is to become of it and why. Removed is only what
belongs to a dead run: past the deadline in its tags (the build timeout, and 70 minutes to finish and
clean up), with no Packer of it on this machine. A complete image is never removed. May be interrupted
and run again."""
EXAMPLES = """examples:
  what is there, and why it would stay or go:
    python -m image_builder reap --region eu-west-1 --profile ci
  remove the leftovers:
    python -m image_builder reap --yes
  remove those of one run before its deadline, because you know that it is over:
    python -m image_builder reap --run 20261123T091500-1a2b3c4d --yes"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    parser.add_argument(
        "--yes", action="store_true", help="remove the leftovers (without it nothing changes)"
    )
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        type=_run_id,
        metavar="RUN_ID",
        help="look at this run alone, and take it for dead unless it is alive here; may be repeated",
    )
    parser.add_argument(
        "--older-than",
        type=_minutes,
        default=10,
        metavar="MINUTES",
        help="how long past its deadline a run must be (default: 10, as clocks differ)",
    )


def run(options: argparse.Namespace) -> Exit:
    """List, and with --yes remove."""
    from datetime import UTC, datetime, timedelta

    from image_builder.building.living_runs import living_runs
    from image_builder.ec2_client import make_client
    from image_builder.leftovers.reap import remove_leftovers
    from image_builder.leftovers.reaping import Known, judge
    from image_builder.leftovers.temporaries import Temporaries

    temporaries = Temporaries(make_client(options.region, profile=options.profile))
    # First the things, then the processes: a run that begins in between has made none of them.
    things = temporaries.find()
    known = Known(
        now=datetime.now(UTC),
        alive=living_runs(),
        named=frozenset(options.run),
        margin=timedelta(minutes=options.older_than),
    )
    rows = judge(things, known)
    failures: dict[str, str] = {}
    removed: set[str] = set()
    if not options.json:
        _show(rows, temporaries.region)
    if options.yes:
        for row, failure in remove_leftovers(rows, temporaries):
            if failure:
                failures[row.thing.resource_id] = failure
            else:
                removed.add(row.thing.resource_id)
            if not options.json:
                _tell(row, failure)
    if options.json:
        print_json([_plain(row, removed, failures) for row in rows])
    if failures:
        return Exit.FAILED
    return Exit.FOUND if not options.yes and any(row.is_leftover for row in rows) else Exit.DONE


def _show(rows: list[Row], region: str) -> None:
    leftovers = sum(row.is_leftover for row in rows)
    if rows:
        print_table(
            ("What", "Id", "State", "Run", "", "Why"),
            [
                (
                    str(row.thing.kind),
                    row.thing.resource_id,
                    row.thing.state or "-",
                    row.run_id or "-",
                    "remove" if row.is_leftover else "keep",
                    row.reason,
                )
                for row in rows
            ],
        )
    print(f"{region}: {leftovers} to remove, {len(rows) - leftovers} to keep", flush=True)


def _tell(row: Row, failure: str) -> None:
    what = f"{row.thing.kind} {row.thing.resource_id}"
    if failure:
        print(f"{what} is not removed: {failure}", file=sys.stderr, flush=True)
    else:
        print(f"removed {what}", flush=True)


def _plain(row: Row, removed: set[str], failures: dict[str, str]) -> dict[str, Any]:
    name = row.thing.resource_id
    return {
        "kind": str(row.thing.kind),
        "id": name,
        "name": row.thing.name,
        "state": row.thing.state,
        "run_id": row.run_id,
        "is_leftover": row.is_leftover,
        "reason": row.reason,
        "is_removed": name in removed,
        "failure": failures.get(name, ""),
    }


def _run_id(text: str) -> str:
    from image_builder.building.run_folder import RUN_ID

    if not RUN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} · the value of a RunId tag was expected")
    return text


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} · a number of minutes from 0 was expected")
    return minutes
