"""Rows of a table, whatever kind of file it is in, each with the place where a person finds it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from connector_sdk.errors import ConfigError

__all__ = ["COLUMNS", "SUFFIXES", "Row", "Table", "is_table", "table_in"]

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".yaml", ".yml")
_LARGEST = 16 << 20
"""Bytes of a table, and characters of its text."""
_DEEPEST = 100
"""Rows before the one with the columns' names."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "field", "fieldname", "column", "columnname", "item", "element", "dataelement", "feld", "feldname"),
    "start": ("start", "from", "begin", "pos", "position", "positions", "startpos", "startposition", "startcolumn", "von", "ab"),
    "offset": ("offset", "displacement"),
    "end": ("end", "to", "endpos", "endposition", "endcolumn", "stop", "thru", "through", "bis"),
    "length": ("length", "len", "size", "width", "bytes", "fieldlength", "laenge", "länge"),
    "type": ("type", "datatype", "fieldtype", "kind", "datentyp", "typ", "picture", "pic"),
    "format": ("format", "mask", "pattern", "dateformat"),
    "padding": ("padding", "pad", "fill", "fillchar", "padchar"),
    "justify": ("justify", "justification", "justified", "align", "alignment"),
    "sign": ("sign", "signed", "vorzeichen"),
    "decimals": (
        "decimals",
        "implieddecimals",
        "decimalplaces",
        "decimal",
        "dec",
        "scale",
        "impliedscale",
        "dezimal",
        "nachkommastellen",
    ),
    "null": ("null", "nullvalue", "nulls"),
    "required": ("required", "mandatory", "notnull"),
    "key": ("key", "primarykey", "pk"),
    "record": ("record", "recordtype", "rectype", "segment", "satzart"),
    "role": ("role", "recordrole"),
    "value": ("value", "constant", "discriminator", "fixedvalue"),
    "check": ("check", "total", "control", "controltotal"),
    "doc": ("doc", "description", "comment", "comments", "remark", "remarks", "notes", "meaning", "bemerkung", "beschreibung"),
}
"""The columns that are understood, and what they may be called; case, blanks and punctuation do not count."""

_MEANING = {word: column for column, words in COLUMNS.items() for word in words}


@dataclass(frozen=True)
class Row:
    """One row: its cells by what the column means, and where it stands."""

    where: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Table:
    """A table's name and rows; `about` is what a YAML table says beside them, as name, encoding or framing."""

    path: Path
    rows: tuple[Row, ...]
    unknown: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def is_table(path: Path) -> bool:
    """Whether the file has a row of columns that say what is where. Raises ConfigError for one that cannot be read."""
    if path.suffix.lower() in (".yaml", ".yml"):
        rows, about = _mappings(path)
        return (
            bool(rows) and "layout" not in about and _says_where(_MEANING.get(_plain(key)) for _, row in rows[:1] for key in row)
        )
    return _head(list(_lines(path, most=_DEEPEST))) is not None


def table_in(path: Path) -> Table:
    """The table in `path`. Raises ConfigError when it has none."""
    if path.suffix.lower() in (".yaml", ".yml"):
        mappings, about = _mappings(path)
        unknown = {key for _, row in mappings for key in row if _plain(key) not in _MEANING}
        named = [(line, {_MEANING.get(_plain(key), key): _text(value) for key, value in row.items()}) for line, row in mappings]
        rows = tuple(Row(f"{path}:{line}", cells) for line, cells in named)
        return Table(path, rows, tuple(sorted(unknown)), {key: about[key] for key in about if key not in ("fields", "rows")})
    lines = list(_lines(path))
    at = _head(lines)
    if at is None:
        raise ConfigError(
            "has no row with the columns name, start and length or end",
            hint="; ".join(f"{column}: {', '.join(words[:4])}" for column, words in list(COLUMNS.items())[:5]),
        )
    titles = lines[at][1]
    columns = [_MEANING.get(_plain(title), "") for title in titles]
    found = []
    for where, cells in lines[at + 1 :]:
        row = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
        if any(row.values()):
            found.append(Row(where, row))
    unknown_titles = [title.strip() for title, column in zip(titles, columns, strict=True) if not column and title.strip()]
    return Table(path, tuple(found), tuple(unknown_titles))


def _head(lines: Sequence[tuple[str, Sequence[str]]]) -> int | None:
    """Which of the first lines has the columns' names."""
    for number, (_, cells) in enumerate(lines[:_DEEPEST]):
        if _says_where(_MEANING.get(_plain(cell)) for cell in cells):
            return number
    return None


def _says_where(columns: Iterator[str | None]) -> bool:
    found = [column for column in columns if column]
    placed = {"length", "start"} <= set(found) or {"start", "end"} <= set(found) or {"offset", "length"} <= set(found)
    sized = "length" in found and {"type", "format", "decimals", "record"} & set(found)
    return "name" in found and len(set(found)) == len(found) and bool(placed or sized)


def _plain(title: str) -> str:
    return re.sub(r"[\W_]+", "", title).lower()


def _lines(path: Path, most: int | None = None) -> Iterator[tuple[str, list[str]]]:
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"is larger than {_LARGEST:,} bytes: that is no layout table")
    yield from (_sheet(path, most) if path.suffix.lower() == ".xlsx" else _text_lines(path, most))


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


def _sheet(path: Path, most: int | None) -> Iterator[tuple[str, list[str]]]:
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise ConfigError("is a workbook, and openpyxl is not installed", hint='pip install "connector-sdk[codegen]"') from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # a file that is none fails in many ways
        raise ConfigError(f"is no workbook that can be read: {error}") from None
    try:
        for sheet in book.worksheets:
            rows = sheet.iter_rows(values_only=True, max_row=most)
            lines = [(f"{path}:{sheet.title}:{number}", [_text(cell) for cell in row]) for number, row in enumerate(rows, 1)]
            if _head(lines) is not None:  # the first sheet with a table is it
                yield from lines
                return
    finally:
        book.close()


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _mappings(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], dict[str, Any]]:
    """The rows of a YAML table with their lines, and what else it says."""
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"is larger than {_LARGEST:,} bytes: that is no layout table")
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"is no YAML: {' '.join(str(error).split())}") from None
    about: dict[str, Any] = {}
    if isinstance(node, yaml.MappingNode) and isinstance(plain, dict):
        about = {str(key): value for key, value in plain.items()}
        node = next((value for key, value in node.value if key.value in ("fields", "rows")), None)
        plain = about.get("fields", about.get("rows"))
    if not isinstance(node, yaml.SequenceNode) or not isinstance(plain, list):
        return [], about
    pairs = zip(node.value, plain, strict=True)
    return [
        (each.start_mark.line + 1, {str(k): v for k, v in row.items()}) for each, row in pairs if isinstance(row, dict)
    ], about
