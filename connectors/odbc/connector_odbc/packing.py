"""Rows that cross as one text each, taken apart here: a driver's work on every value of every row is what reading waits for.

The text is a line of CSV without quotes: a control number, the fields between separators, an empty field. No value is
trusted to be free of separators and line ends. A batch with as many lines as rows, and as many fields in each line as were
asked for, cannot have one in a value, since each would add to these; the control number tells what else could be lost.
Whatever does not come out even is read again column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from connector_odbc.decoding import Decoded, Decoder
from connector_odbc.profiles.reads import MISSING, MISSING_NUMBER, SEPARATOR, Reads
from connector_odbc.typed import InLine, Typed
from connector_odbc.way import Way

__all__ = ["NotEvenError", "Packed", "packed"]

pc: Any = pyarrow.compute
csv: Any = pyarrow.csv

MOST_FIELDS = 90
"""Functions of PostgreSQL take 100 arguments, those of SQLite 127."""

ROOM = 96
"""Bytes that a text of no declared width is taken to have; a line that is longer makes room for all."""


class NotEvenError(Exception):
    """A batch in which a value is not what its line shows, or not of its field's type."""


class Packed:
    """`expression` is what to fetch of each row: its line, of `width` bytes, more or less."""

    def __init__(self, way: Way, decoder: Decoder, inline: Sequence[InLine], expression: str, counts: str) -> None:
        self.expression = expression
        self._counts = counts
        self._decoder = Decoder(
            way, [replace(typed, wire=line.type, restore=line.restore) for typed, line in _pairs(decoder, inline)]
        )
        self._texts = [f"c{n}" for n, line in enumerate(inline) if line.text]
        self.width = 32 + sum(
            (ROOM if typed.size is None else min(typed.size, 4 * ROOM)) if line.text else 28
            for typed, line in _pairs(decoder, inline)
        )
        names = [field.name for field in self._decoder.schema]
        self._names = ["control", *names, "end"]
        self._parse = csv.ParseOptions(
            delimiter=SEPARATOR, quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=False
        )
        self._all, self._keys = (self._converted(columns) for columns in (["control", *names], self._decoder.keys))

    def _converted(self, columns: Sequence[str]) -> Any:
        return csv.ConvertOptions(
            column_types={"control": pa.int64(), **{field.name: field.type for field in self._decoder.schema}},
            include_columns=columns,
            null_values=[MISSING, MISSING_NUMBER],
            true_values=["t", "true", "1"],
            false_values=["f", "false", "0"],
            strings_can_be_null=True,
        )

    def place(self, line: pa.Buffer) -> tuple[str, ...] | None:
        """Where the row of one line lies in the order; None where that cannot be told."""
        try:
            return self._decoder.place(self._table(line, self._keys).to_batches()[0])
        except NotEvenError:
            return None

    def decode(self, lines: pa.Buffer, rows: int) -> Decoded:
        """The lines of so many rows. Raises NotEvenError."""
        table = self._table(lines, self._all)
        if table.num_rows != rows or pc.sum(table.column("control")).as_py() != self._counted(table):
            raise NotEvenError("lines that do not show what the rows have")
        found = self._decoder.decode(table.select(self._decoder.schema.names).to_batches()[0])
        if found.rejects is not None or found.at is None:
            raise NotEvenError("a value that has no place in its field, or in the order")
        return found

    def _table(self, lines: pa.Buffer, converted: Any) -> Any:
        read = csv.ReadOptions(use_threads=False, column_names=self._names, block_size=lines.size + 1)
        source = pa.BufferReader(lines)
        try:
            table = csv.read_csv(source, read_options=read, parse_options=self._parse, convert_options=converted)
        except pa.ArrowInvalid as error:
            raise NotEvenError(str(error)) from None
        return table.combine_chunks()

    def _counted(self, table: Any) -> int:
        columns = [table.column(name) for name in self._texts]
        if self._counts == "nulls":
            return sum(column.null_count for column in columns)
        return sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns)


def packed(way: Way, decoder: Decoder, reads: Reads) -> Packed | None:
    """How the rows of `way` cross as lines; None where they cannot: no order, or a column without such a form."""
    names = set(way.stream.schema.names)
    parts = [(column.nullable, way.places[column.name]) for column, _ in way.columns]
    parts += [(False, part.place) for part in way.order if part.name not in names]
    inline = [typed.inline for typed in decoder.typed if typed.inline is not None]
    if reads.line is None or not way.order or len(inline) < len(decoder.typed) or len(inline) > MOST_FIELDS:
        return None
    fields = [(line, place, nullable) for line, (nullable, place) in zip(inline, parts, strict=True)]
    return Packed(way, decoder, inline, reads.line(fields), reads.control)


def _pairs(decoder: Decoder, inline: Sequence[InLine]) -> list[tuple[Typed, InLine]]:
    return list(zip(decoder.typed, inline, strict=True))
