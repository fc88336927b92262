"""Rows of a table, whatever kind of file it is in, each with the place where a person finds it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from connector_sdk.errors import ConfigError

from connector_codegen.readers.fixed_width.columns import COLUMNS, describes, meanings
from connector_codegen.readers.fixed_width.workbooks import sheets_in
from connector_codegen.readers.fixed_width.yaml_tables import mappings_in

__all__ = ["SUFFIXES", "Row", "Table", "is_table", "table_in"]

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".yaml", ".yml")
_LARGEST = 16 << 20
"""Bytes of a table, and characters of its text."""
_DEEPEST = 100
"""Rows before the one with the columns' names."""


@dataclass(frozen=True)
class Row:
    """One row: its cells by what the column means, and where it stands. `sheet` is the one of several that it is from."""

    where: str
    cells: Mapping[str, str]
    sheet: str = ""

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Table:
    """A table's rows. `about` is what a YAML table says beside them, as name, encoding or framing; `left_out` are sheets."""

    path: Path
    rows: tuple[Row, ...]
    unknown: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def is_table(path: Path) -> bool:
    """Whether the file has a row of columns that say what is where. Raises ConfigError for one that cannot be read."""
    _refuse_large(path)
    if path.suffix.lower() in (".yaml", ".yml"):
        mappings, about = mappings_in(path)
        # The first row says it: what is wrong in the others is told when they are read.
        row = next((_named(path, line, mapping) for line, mapping in mappings), None)
        return row is not None and "layout" not in about and describes(list(row.cells), [row.cells])
    return any(_head(lines) is not None for _, lines in _sheets(path, 2 * _DEEPEST))


def table_in(path: Path) -> Table:
    """The table in `path`: of a workbook, in all of its sheets that have one. Raises ConfigError when it has none."""
    _refuse_large(path)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _of_mappings(path)
    sheets = _sheets(path, None)
    tables = [(name, head, lines) for name, lines in sheets if (head := _head(lines)) is not None]
    if not tables:
        raise ConfigError(
            "has no row with the columns name, start and length or end",
            hint="; ".join(f"{column}: {', '.join(words[:4])}" for column, words in list(COLUMNS.items())[:5]),
        )
    found: list[Row] = []
    unknown = []
    for name, head, lines in tables:
        _, titles = lines[head]
        columns = meanings(titles)
        unknown += [title.strip() for title, column in zip(titles, columns, strict=True) if not column and title.strip()]
        rows = _rows(columns, lines[head + 1 :])
        found += [replace(row, sheet=name) for row in rows] if len(tables) > 1 else rows
    left_out = [name for name, lines in sheets if name not in [each for each, _, _ in tables] and lines]
    return Table(path, tuple(found), tuple(dict.fromkeys(unknown)), left_out=tuple(left_out))


def _refuse_large(path: Path) -> None:
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"is larger than {_LARGEST:,} bytes: that is no layout table")


def _rows(columns: Sequence[str], lines: Sequence[tuple[str, Sequence[str]]]) -> list[Row]:
    found = [
        Row(where, {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column})
        for where, cells in lines
    ]
    return [row for row in found if any(row.cells.values())]


def _head(lines: Sequence[tuple[str, Sequence[str]]]) -> int | None:
    """Which of the first lines has the columns' names."""
    for number, (_, titles) in enumerate(lines[:_DEEPEST]):
        columns = meanings(titles)
        if "name" in columns and describes(columns, [row.cells for row in _rows(columns, lines[number + 1 :][:_DEEPEST])]):
            return number
    return None


def _sheets(path: Path, most: int | None) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """The sheets by name, each with its lines; text is one sheet."""
    return sheets_in(path, most) if path.suffix.lower() == ".xlsx" else [("", list(_text_lines(path, most)))]


def _text_lines(path: Path, most: int | None) -> Iterator[tuple[str, list[str]]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    sample = text[: 1 << 14]
    delimiter = max(",;\t|", key=lambda mark: sample.count(mark))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        line = 1
        for number, row in enumerate(rows):
            if number == most:
                return
            yield f"{path}:{line}", row
            line = rows.line_num + 1
    except csv.Error as error:
        raise ConfigError(f"line {rows.line_num}: {error}") from None


def _of_mappings(path: Path) -> Table:
    mappings, about = mappings_in(path)
    rows: list[Row] = []
    unknown: set[str] = set()
    for line, mapping in mappings:
        rows.append(_named(path, line, mapping))
        unknown.update(title for title, column in zip(mapping, meanings(list(mapping)), strict=True) if not column)
    return Table(path, tuple(rows), tuple(sorted(unknown)), about)


def _named(path: Path, line: int, mapping: Mapping[str, str]) -> Row:
    """A row of YAML. Raises ConfigError when two of its keys say one and the same of its place."""
    columns = meanings(list(mapping))
    twice = next((column for column in columns if column and columns.count(column) > 1), None)
    if twice is not None:
        raise ConfigError(f"line {line}: two keys mean {twice}: {', '.join(mapping)}")
    return Row(f"{path}:{line}", {column: cell for column, cell in zip(columns, mapping.values(), strict=True) if column})
