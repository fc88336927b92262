"""Reads layout tables of fixed-width files: a row for each field, in CSV, XLSX or YAML, as people keep them who know the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from connector_sdk.errors import ConfigError
from connector_sdk.formats.fixed_width import check_notation
from connector_sdk.formats.layout import Layout

from connector_codegen.model import Interface, Source, Stream, stream_from
from connector_codegen.problems import Problem
from connector_codegen.readers.fixed_width.layouts import layout_of
from connector_codegen.readers.fixed_width.tables import SUFFIXES, is_table, table_in

__all__ = ["read", "recognises"]


def recognises(path: Path) -> bool:
    """Whether `path` is a table whose columns are the name, the place and the length of fields."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        return is_table(path)
    except (OSError, ConfigError):
        return False


def read(paths: Sequence[Path], problems: list[Problem]) -> Interface:
    """The streams of each table. What is wrong in one is an error among `problems`, with file and line."""
    streams: list[Stream] = []
    for path in paths:
        try:
            layout = layout_of(table_in(path), problems)
            if layout is None:
                continue
            for stream in layout.streams:
                streams.append(stream_from(stream, origin=path.name, ending=".txt"))
                problems += _unwritable(path, stream)
        except ConfigError as error:
            problems.append(Problem(level="error", where=str(path), what=error.message, hint=error.hint))
    return Interface(source=Source(reader="fixed_width", decided=True), streams=tuple(streams))


def _unwritable(path: Path, layout: Layout) -> Iterator[Problem]:
    """The fields whose cells go together, and yet say something that nobody can read or write."""
    for field in layout.fields:
        try:
            check_notation(field, layout.encoding)
        except ConfigError as error:
            yield Problem(level="error", where=str(path.parent / (field.evidence or "")), what=error.message, hint=error.hint)
