"""What every command has: options, exit codes, and errors of one line."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from image_builder.ami import Ami
    from image_builder.amis import Amis
    from image_builder.registry.account import Account

_FRAME, _NARROWEST_PROSE = 3, 18


class Exit(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    FOUND = 3
    INTERRUPTED = 130


EXIT_CODES = """exit codes:
  0    done, or nothing to do
  1    failed, wholly or in part; a line on standard error says what
  2    wrong usage
  3    a dry run found something to do
  130  interrupted; run it again"""


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Where AWS is asked, and how the answer is printed."""
    parser.add_argument(
        "--region", help="AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or the profile's)"
    )
    parser.add_argument("--profile", help="profile of the AWS configuration files (default: AWS_PROFILE)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def ami_id(text: str) -> str:
    """*text* as the id of an AMI, for argparse."""
    from image_builder.ami import AMI_ID

    if not AMI_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} · ami- and 17 (or 8) hexadecimal digits were expected")
    return text


def require_ami(amis: Amis, ami_id: str) -> Ami:
    """The AMI *ami_id*, which must be there."""
    from image_builder.errors import AmiError

    ami = amis.get(ami_id)
    if ami is None:
        raise AmiError(
            f"{ami_id} does not exist in {amis.region}, is deregistered, or is not shared with this account "
            "· an AMI was expected · see python -m image_builder list, or give --region"
        )
    return ami


def account_of(options: argparse.Namespace) -> Account:
    """What is asked; while AWS does not answer, standard error is told so."""
    from image_builder.registry.account import Account

    return Account.of(options.region, options.profile, complain)


def run_command(command: Callable[[argparse.Namespace], Exit], options: argparse.Namespace) -> Exit:
    """Run *command*; what goes wrong is one line on standard error."""
    from botocore.exceptions import BotoCoreError, ClientError

    from image_builder.ec2_client import reason_of
    from image_builder.errors import ImageBuildError

    try:
        return command(options)
    except ImageBuildError as error:
        complain(str(error))
    except (BotoCoreError, ClientError) as error:
        complain(f"AWS could not be asked: {reason_of(error)} · check credentials, permissions and region")
    except KeyboardInterrupt:
        complain("interrupted · run it again")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    return Exit.FAILED


def print_json(answer: Any) -> None:
    """Print *answer* for programs."""
    print(json.dumps(answer, indent=2))


Rows = Sequence[Sequence[str]]


def print_table(
    columns: Sequence[str], rows: Rows, *, narrow: tuple[Sequence[str], Rows] | None = None
) -> None:
    """Print *rows* for people: drawn on a terminal that has room; elsewhere a line each, never cut.

    Where there is no room, *narrow* is drawn, if it is given and fits: fewer columns, and cells of lines.
    """
    if sys.stdout.isatty():
        for table in [(columns, rows), *([narrow] if narrow else [])]:
            if _has_room(*table):
                _draw_table(*table)
                return
    widths = _widths(columns, rows)
    for cells in (columns, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(line.rstrip())


def print_sections(sections: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> None:
    """Print titled groups of rows, for people: each cell but a row's last is as wide as the widest."""
    for title, rows in sections:
        print(title)
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        for cells in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            print(f"  {line}".rstrip())


def _has_room(columns: Sequence[str], rows: Rows) -> bool:
    # Ids are for copying: only the last column, which is prose, may be broken into lines.
    widths = _widths(columns, rows)
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - _FRAME * len(columns) - 1
    return room >= min(widths[-1], _NARROWEST_PROSE)


def _widths(columns: Sequence[str], rows: Rows) -> list[int]:
    return [
        max(len(line) for cell in cells for line in cell.split("\n"))
        for cells in zip(columns, *rows, strict=True)
    ]


def _draw_table(columns: Sequence[str], rows: Rows) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold", show_lines=any("\n" in cell for row in rows for cell in row))
    for column in table.columns[:-1]:
        column.no_wrap = True
    for cells in rows:
        table.add_row(*map(Text, cells))  # As it stands: a text in brackets is no markup.
    # On a dumb terminal rich would take 80 columns for granted, and drop what they have no room for.
    size = shutil.get_terminal_size()
    Console(width=size.columns, height=size.lines).print(table)


def complain(line: str) -> None:
    """Tell people *line*, beside what is told to programs."""
    print(line, file=sys.stderr, flush=True)
