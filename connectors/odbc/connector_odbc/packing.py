"""Rows that cross as one text each, taken apart here: a driver's work on every value of every row is what reading waits for.

The text is a line of CSV without quotes: the fields between separators. No value is trusted to be free of separators and line
ends. A page that has a line for every row, no more than rows, and as many fields in each line as were asked for, cannot have
one in a value, since each would add to these. What CSV readers take away at the two ends of a line, a mark of the byte order
and a return, is in no number: one is the first field, one the last. A null is a word drawn for this read, which no value can
have known; or a field tells how many bytes the texts have. Whatever does not come out even is read again column by column.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from connector_odbc.decoding import Decoded, Decoder
from connector_odbc.profiles.reads import MISSING, SEPARATOR, Reads
from connector_odbc.typed import InLine, Typed
from connector_odbc.way import Way

__all__ = ["NotEvenError", "Packed", "packed"]

pc: Any = pyarrow.compute
csv: Any = pyarrow.csv

MOST_FIELDS = 90
"""Functions of PostgreSQL take 100 arguments, those of SQLite 127."""

CONTROL = "control"

END = InLine(type=pa.int64(), select="'0'")
"""What is at an end of a line of which all other fields are texts."""

ROOM = 96
"""Bytes that a text of no declared width is taken to have; a line that is longer makes room for all."""


class NotEvenError(Exception):
    """A batch in which a value is not what its line shows, or not of its field's type."""


class Packed:
    """`expression` is what to fetch of each row: its line, of `width` bytes, more or less."""

    def __init__(self, way: Way, decoder: Decoder, inline: Sequence[InLine], reads: Reads) -> None:
        self._decoder = Decoder(
            way, [replace(typed, wire=line.type, restore=line.restore) for typed, line in _pairs(decoder, inline)]
        )
        self.width = 32 + sum(
            (ROOM if typed.size is None else min(typed.size, 4 * ROOM)) if line.text else 28
            for typed, line in _pairs(decoder, inline)
        )
        names = [field.name for field in self._decoder.schema]
        self._texts = [name for name, line in zip(names, inline, strict=True) if line.text]
        self._control = [CONTROL] if reads.control else []
        self._missing = MISSING if reads.control else f"null{secrets.token_hex(8)}"
        self._names = [*self._control, *_with_safe_ends(dict(zip(names, inline, strict=True)), control=reads.control)]
        self.expression = self._line(way, dict(zip(names, inline, strict=True)), reads)
        self._parse = csv.ParseOptions(
            delimiter=SEPARATOR, quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=False
        )
        self._all, self._keys = (self._converted(columns) for columns in ([*self._control, *names], self._decoder.keys))

    def _line(self, way: Way, inline: Mapping[str, InLine], reads: Reads) -> str:
        assert reads.line is not None
        names = set(way.stream.schema.names)
        parts = [(way.places[column.name], column.nullable) for column, _ in way.columns]
        parts += [(part.place, False) for part in way.order if part.name not in names]
        fields = {name: (line, *part) for (name, line), part in zip(inline.items(), parts, strict=True)}
        shown = [fields.get(name, (END, "", False)) for name in self._names if name not in self._control]
        return reads.line(shown, self._missing)

    def _converted(self, columns: Sequence[str]) -> Any:
        return csv.ConvertOptions(
            column_types={CONTROL: pa.int64(), **{field.name: field.type for field in self._decoder.schema}},
            include_columns=columns,
            null_values=[self._missing, f"{self._missing}0.0"],  # where a number is written in any case
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
        if table.num_rows != rows or not all(pc.sum(table.column(name)).as_py() == self._bytes(table) for name in self._control):
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

    def _bytes(self, table: Any) -> int:
        return sum(pc.sum(pc.binary_length(table.column(name))).as_py() or 0 for name in self._texts)


def packed(way: Way, decoder: Decoder, reads: Reads) -> Packed | None:
    """How the rows of `way` cross as lines; None where they cannot: no order, or a column without such a form."""
    inline = [typed.inline for typed in decoder.typed if typed.inline is not None]
    if reads.line is None or not way.order or len(inline) < len(decoder.typed) or len(inline) > MOST_FIELDS:
        return None
    return Packed(way, decoder, inline, reads)


def _with_safe_ends(inline: Mapping[str, InLine], *, control: bool) -> list[str]:
    """The names of the fields, one that is no text at either end; where there is none, one more. The control is one in front."""
    safe = [name for name, line in inline.items() if not line.text]
    first = [] if control else safe[:1] or ["first"]
    last = [name for name in safe[-1:] if name not in first] or ["last"]
    return [*first, *(name for name in inline if name not in (*first, *last)), *last]


def _pairs(decoder: Decoder, inline: Sequence[InLine]) -> list[tuple[Typed, InLine]]:
    return list(zip(decoder.typed, inline, strict=True))
