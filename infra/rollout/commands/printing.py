"""Tables for people: drawn on a terminal that has room, elsewhere a plain line for each row, never cut."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

_FRAME, _NARROWEST_PROSE = 4, 24

Rows = Sequence[Sequence[str]]


def print_table(columns: Sequence[str], rows: Rows) -> None:
    """Print *rows*; only the last column, which is prose, may be broken into lines."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - _FRAME * len(columns)
    if sys.stdout.isatty() and room >= min(widths[-1], _NARROWEST_PROSE):
        _draw_table(columns, rows)
        return
    for cells in (columns, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def print_facts(facts: Rows) -> None:
    """Print a word and what is to be said of it, a line each."""
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        print(f"  {name.ljust(width)}  {text}".rstrip())


def _draw_table(columns: Sequence[str], rows: Rows) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold")
    for column in table.columns[:-1]:
        column.no_wrap = True
    for cells in rows:
        table.add_row(*map(Text, cells))  # As it stands: a text in brackets is no markup.
    Console().print(table)
