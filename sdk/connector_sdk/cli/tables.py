"""Tables on stdout: for eyes on a terminal, one row per line and nothing cut off elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from connector_sdk.cli.messages import plain

__all__ = ["show_table"]


def show_table(headers: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table, without columns that are empty in every row.

    Text from another system cannot move the cursor or hide: control characters are shown as escapes.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    used = [number for number in range(len(headers)) if not cells or any(row[number] for row in cells)]
    headers, cells = [headers[number] for number in used], [[row[number] for number in used] for row in cells]
    if title:
        click.secho(_cell(title), bold=True)
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*headers, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for row in cells:
            table.add_row(*map(Text, row))
        Console(file=sys.stdout).print(table)
        return
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for row in [list(headers), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return plain("" if value is None else str(value)).replace("\n", "\\n").replace("\t", "\\t")
