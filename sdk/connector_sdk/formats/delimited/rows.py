"""Whole records of delimited text to typed rows, and what is wrong with those that are none.

Blocks of whole records go through Arrow's typed CSV reader. A block it refuses is read again as text and converted column by
column, which finds every bad record in it; the refused column is read as text from then on, the others typed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.csv

from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited.cells import cells
from connector_sdk.formats.delimited.marks import StandIns, mended
from connector_sdk.formats.delimited.places import Finder
from connector_sdk.formats.delimited.records import Grammar
from connector_sdk.formats.delimited.values import check_notation, describe_type, has_infinite, is_plain, is_text, parse
from connector_sdk.formats.layout import Field, Layout

__all__ = ["Convert", "Problem", "Rows", "joined", "nothing"]

csv: Any = pyarrow.csv  # the stubs know fewer options than Arrow does

Convert: TypeAlias = "Callable[[Any], tuple[pa.Array[Any], dict[int, str]]]"
"""UTF-8 bytes (null: unquoted empty) to values, and by row the code of what is wrong with those that are none, null then."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one record, in the words of its reject."""

    code: str
    reason: str
    field: str | None = None


class Rows:
    """What is known of a layout's rows: how Arrow is told of them, and which columns it had better not type."""

    def __init__(
        self,
        layout: Layout,
        grammar: Grammar,
        columns: Sequence[str] | None,
        stream: str,
        converts: Mapping[str, Convert] = MappingProxyType({}),
    ) -> None:
        self.layout, self.grammar, self.converts = layout, grammar, converts
        self.names = list(layout.names)
        by_name = {field.name: field for field in layout.fields}
        unknown = [name for name in columns or () if name not in by_name]
        if unknown or (columns is not None and not columns):
            raise ConfigError(
                f"layout {layout.name!r} has no field {', '.join(map(repr, unknown)) or 'in an empty projection'}",
                hint=f"it has {', '.join(self.names[:20])}",
                stream=stream,
            )
        self.fields: list[Field] = [by_name[name] for name in columns] if columns is not None else list(layout.fields)
        for field in self.fields:
            if field.name not in converts:
                check_notation(field)
        self.schema = pa.schema([layout.schema.field(field.name) for field in self.fields])
        self.blank = len(self.names) == 1  # an empty line of a one-column file is a null, elsewhere it is nothing
        self.mark = _common([f.decimal for f in self.fields if _is_real(f.type)], ".")
        self.words = _common([(f.true, f.false) for f in self.fields if pa.types.is_boolean(f.type)], ((), ()))
        self.integers = [f.name for f in self.fields if pa.types.is_integer(f.type)]
        self.finder = Finder()
        self.as_text: set[str] = set()
        self._ask_of(*(f.name for f in self.fields if not self._typed(f)))
        # Only text tells a quoted word for null from a bare one, which Arrow does for all columns of a pass alike.
        self.passes: dict[tuple[str, ...], list[Field]] = {}
        for field in self.fields:
            self.passes.setdefault(field.null if is_text(field.type) else (), []).append(field)

        self.ragged: dict[int, Problem] = {}
        self.parsing: dict[tuple[str, str | None, str | None], Any] = {}
        self.converting: dict[tuple[tuple[str, ...], bool, int], Any] = {}

    def _typed(self, field: Field) -> bool:
        """Whether Arrow's typed reader understands the field's notation."""
        kind = field.type
        if field.name in self.converts:
            return False
        if pa.types.is_boolean(kind):
            return not field.null and bool((field.true, field.false) == self.words)
        if _is_real(kind) and field.group is None and field.decimal == self.mark:
            field = replace(field, decimal=".")
        plain = is_plain(field) and not pa.types.is_decimal256(kind)
        return is_text(kind) or plain or (pa.types.is_time(kind) and not field.null and not field.format)

    def read(self, view: memoryview) -> tuple[pa.RecordBatch, dict[int, Problem]]:
        """The rows of whole records, and what is wrong with those records (by number) that are not among them."""
        whole = _is_utf8(view)
        text, lost = (view, {}) if whole else mended(view)
        shown = self.grammar.marks.for_arrow(text)
        if shown is None:
            return self._parse(None, view, all_text=True)
        if not whole:
            return self._parse(replace(shown, meant=shown.meant | lost), view, all_text=True)
        if not self.as_text.issuperset(self.integers) and _has_hexadecimal(shown, self.finder):
            self._ask_of(*self.integers)  # Arrow takes 0x10 for 16
        try:
            batch, problems = self._parse(shown, view, all_text=False)
        except pa.ArrowInvalid as error:
            refused = re.match(r"In CSV column #(\d+)", str(error))
        else:
            infinite = [
                n for n, c in zip(batch.schema.names, batch.columns, strict=True) if has_infinite(c) and n not in self.as_text
            ]
            if not infinite:
                return batch, problems
            self._ask_of(*infinite)
            return self._parse(shown, view, all_text=True)
        if refused:
            # Where one bad value was there may be more, and Arrow may just not know the notation ("+5", a quoted empty
            # number): from now on the column is read as text and converted here.
            self._ask_of(self.names[int(refused[1])])
        return self._parse(shown, view, all_text=True)

    def _ask_of(self, *names: str) -> None:
        """Read these fields as text from now on; only such fields, and those that must have a value, are looked at at all."""
        self.as_text |= set(names)
        self.demanding = [i for i, field in enumerate(self.fields) if field.name in self.as_text or not field.nullable]

    def _parse(self, shown: StandIns | None, view: memoryview, *, all_text: bool) -> tuple[pa.RecordBatch, dict[int, Problem]]:
        """Whole records as rows, without the bad ones, which are told by number. Raises ArrowInvalid unless `all_text`."""
        self.ragged.clear()
        try:
            parts = [self._arrow(shown, words, all_text=all_text) for words in self.passes] if shown else [self._one_by_one(view)]
        except pa.ArrowInvalid as error:
            if str(error) == "Empty CSV file":
                return nothing(self.schema), {}  # empty lines
            raise
        batch = parts[0]
        if len(parts) > 1:
            found = {name: column for part in parts for name, column in zip(part.schema.names, part.columns, strict=True)}
            batch = pa.RecordBatch.from_pydict({field.name: found[field.name] for field in self.fields})
        ragged = dict(self.ragged)
        bad: dict[int, Problem] = {}
        for index in range(len(self.fields)) if all_text else self.demanding:
            field, column = self.fields[index], batch.column(index)
            if all_text or field.name in self.as_text:
                convert = self.converts.get(field.name)
                values, wrong = parse(field, column) if convert is None else convert(column)
                for row, code in wrong.items():
                    bad.setdefault(row, self._problem(field, code, column[row].as_py()))
                batch, column = batch.set_column(index, self.schema.field(index), values), values
            if not field.nullable and column.null_count:
                for row in map(int, np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))):
                    bad.setdefault(row, Problem("required", "there is no value, and one is required", field.name))
        if not batch.schema.equals(self.schema, check_metadata=True):
            batch = pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
        if not bad:
            return batch, ragged
        rows = sorted(bad)
        starts, stops = [0, *(row + 1 for row in rows)], [*rows, batch.num_rows]
        good = joined([batch.slice(start, stop - start) for start, stop in zip(starts, stops, strict=True)], self.schema)
        rest = np.delete(np.arange(batch.num_rows + len(ragged)), list(ragged)) if ragged else None
        return good, ragged | {row if rest is None else int(rest[row]): problem for row, problem in bad.items()}

    def _arrow(self, shown: StandIns, words: tuple[str, ...], *, all_text: bool) -> pa.RecordBatch:
        """The fields whose words for null are `words`, as Arrow reads them; raises ArrowInvalid at a value it does not take."""
        text = shown.text
        escaped = shown.escape is not None and not self.blank and text[-2:-1] == shown.escape.encode()
        if len(text) and (text[-1] not in b"\r\n" or escaped):
            text = memoryview(text.tobytes() + b"\n")  # else Arrow takes the last value for quoted if the one before it is
        reader = csv.open_csv(  # all in one batch; `read_csv` does the same with twice as much switching of threads
            pa.BufferReader(pa.py_buffer(text)),
            csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=self.names),
            self._parsing(shown),
            self._converting(words, all_text=all_text),
        )
        batch: pa.RecordBatch | None = next(iter(reader), None)
        if batch is None:
            return nothing(reader.schema)
        if not shown.meant:
            return batch
        columns = [shown.restored(c) if _holds_text(c.type) else c for c in batch.columns]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _one_by_one(self, view: memoryview) -> pa.RecordBatch:
        """The values of all fields as bytes, without Arrow: for text that leaves no character to stand in for a delimiter."""
        text, records = bytes(view), []
        number = -1
        for start, stop in self.grammar.split(text):
            if start == stop and not self.blank:
                continue  # an empty line
            number += 1
            found = list(cells(text[start:stop], self.grammar.marks))
            if len(found) == len(self.names):
                records.append(found)
            else:
                self._not_even(number, len(found))
        columns = []
        for field in self.fields:
            at, words = self.names.index(field.name), [w.encode() for w in field.null] if is_text(field.type) else []
            values = [record[at] for record in records]
            columns.append(pa.array([None if not q and (not v or v in words) else v for v, q in values], pa.binary()))
        return pa.RecordBatch.from_arrays(columns, names=[field.name for field in self.fields])

    def _problem(self, field: Field, code: str, raw: bytes) -> Problem:
        said = repr(raw[:100].decode("utf-8", "replace")) + ("…" if len(raw) > 100 else "")
        if code == "encoding":
            return Problem(code, f"{said} is not all {self.layout.encoding}", field.name)
        return Problem(code, f"{said} is no {describe_type(field.type)}{_notation(field)}", field.name)

    def _not_even(self, number: int, count: int) -> None:
        had = f"{count} value{'s' if count != 1 else ''}"
        self.ragged[number] = Problem("ragged", f"{had}, {len(self.names)} expected")

    def _parsing(self, shown: StandIns) -> Any:
        """How Arrow is to cut records into values; ragged ones end up in `self.ragged` by their number."""
        key = (shown.delimiter, shown.quote, shown.escape)
        if key not in self.parsing:

            def skip(row: Any) -> str:
                self._not_even(row.number - 1, row.actual_columns)
                return "skip"

            self.parsing[key] = csv.ParseOptions(
                delimiter=shown.delimiter,
                quote_char=shown.quote or False,
                escape_char=shown.escape or False,
                newlines_in_values=shown.quote is not None,
                ignore_empty_lines=not self.blank,
                invalid_row_handler=skip,
            )
        return self.parsing[key]

    def _converting(self, words: tuple[str, ...], *, all_text: bool) -> Any:
        """How Arrow is to convert the fields whose words for null are `words`; made anew only when something has changed."""
        key = (words, all_text, len(self.as_text))
        if key not in self.converting:
            kinds = {f.name: pa.binary() if all_text or f.name in self.as_text else f.type for f in self.passes[words]}
            self.converting[key] = csv.ConvertOptions(
                check_utf8=False,  # a whole block is checked in half the time
                column_types=kinds,
                include_columns=list(kinds),
                null_values=["", *words],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=list(self.words[0]),
                false_values=list(self.words[1]),
                decimal_point=self.mark,
            )
        return self.converting[key]


def _is_real(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _common(found: list[Any], otherwise: Any) -> Any:
    return max(found, key=found.count) if found else otherwise


def joined(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    joined: pa.RecordBatch = pa.concat_batches(batches) if batches else nothing(schema)  # type: ignore[attr-defined]
    return joined


def nothing(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def _holds_text(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_binary(kind)


def _has_hexadecimal(shown: StandIns, finder: Finder) -> bool:
    """Whether a value seems to begin with ``0x``."""
    data = np.frombuffer(shown.text, dtype=np.uint8)
    known = [ord(mark) for mark in ("\r", "\n", "\t", " ", shown.delimiter, shown.quote, shown.escape) if mark]
    for letter in b"xX":
        if isinstance(shown.text.obj, bytes) and bytes((letter,)) not in shown.text.obj:
            continue  # found out ten times as fast
        found = finder.positions(data, letter) - 1
        found = found[found >= 0]
        found = found[data[found] == ord("0")]
        if len(found) and (found[0] == 0 or np.isin(data[found - 1], known).any()):
            return True
    return False


def _is_utf8(text: memoryview) -> bool:
    """Arrow's check, over the whole text as if it were one value."""
    ends = pa.py_buffer(np.array([0, len(text)], dtype=np.int32).tobytes())
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(text)]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _notation(field: Field) -> str:
    there = f" on a clock of {field.zone}" if field.zone is not None else ""
    if field.format:
        return f" as {' or '.join(field.format)}{there}"
    if there:
        return there
    if pa.types.is_boolean(field.type):
        return f": {', '.join(field.true)} or {', '.join(field.false)}"
    return f" with decimal mark {field.decimal!r}" if field.decimal != "." else ""
