"""Arrow to the bytes of a fixed-width file, such that reading them with the same layout gives the same values back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.fixed_width.code_page import Bytes, code_page
from connector_sdk.formats.fixed_width.notation import Notation, notation
from connector_sdk.formats.fixed_width.record_types import record_length, records_of
from connector_sdk.formats.fixed_width.rendering import render
from connector_sdk.formats.fixed_width.totals import Totals
from connector_sdk.formats.layout import Field, Layout, Place, Record
from connector_sdk.formats.layout.fixed_width import LINE_ENDS

__all__ = ["Encoder", "check_writable"]

_SLICE = 64 << 10
"""Rows that are made bytes at once."""


class Output(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes, /) -> Any:
        """Take all of `data`."""
        ...


def check_writable(layout: Layout) -> None:
    """Raises ConfigError when a file of this layout cannot be written: its header or trailer needs a value nobody knows."""
    for record in records_of(layout):
        if record.role == "data":
            continue
        if record.role == "header" and record.checks:
            raise ConfigError(
                f"layout {layout.name!r} cannot be written: its {record.name} record has totals of what comes after it",
                hint="totals in a trailer can be written",
                code="layout",
            )
        known = {check.field for check in record.checks}
        for field in record.fields:
            place = field.place
            told = place is not None and (place.value is not None or _within(place, record))
            if field.name not in known and not field.nullable and not told:
                raise ConfigError(
                    f"layout {layout.name!r} cannot be written: nothing says what {record.name}.{field.name} is",
                    hint="give it a value, or let it be null",
                    code="layout",
                )


class Encoder:
    """Writes batches of the rows of one stream's `layout` as a file of fixed width.

    What no field covers is blank; a header comes first and a trailer, with the totals of what was written, when it is closed.
    Raises DataError (code ``unwritable``) naming the field when a value cannot be written such that it would be read again as
    the same: nothing of that batch is written then.
    """

    def __init__(self, layout: Layout, out: Output) -> None:
        check_writable(layout)
        form = self._form = layout.fixed_width
        self._layout, self._out = layout, out
        self._page = code_page(layout.encoding)
        records = records_of(layout)
        name = form.record or layout.name
        self._record = next(record for record in records if record.name == name)
        self._records = records
        self._lengths = {record.name: record_length(form, record, records) for record in records}
        self._notations = {record.name: _notations(record, layout.encoding) for record in records}
        self._end = b"" if form.framing == "none" else self._page.encode(LINE_ENDS[form.line_end])
        self._totals = Totals(form, layout.name) if form.checked else None
        self._begun = self._closed = False

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows of `batch`, whose columns are found by name."""
        lacking = [name for name in self._layout.names if name not in batch.schema.names]
        if lacking:
            raise DataError(
                f"layout {self._layout.name!r} has the fields {', '.join(map(repr, lacking))}, the rows to write do not",
                code="unwritable",
            )
        parts = [self._rows(batch.slice(start, _SLICE)) for start in range(0, batch.num_rows, _SLICE)]
        self._begin()
        for part in parts:
            self._out.write(part)

    def close(self) -> None:
        """Finish the file with its trailer. Does not close what it was written to."""
        if self._closed:
            return
        self._begin()
        self._closed = True
        self._control("trailer")

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._control("header")

    def _rows(self, batch: pa.RecordBatch) -> bytes:
        record, notations = self._record, self._notations[self._record.name]
        table = self._blank(record, batch.num_rows)
        columns: dict[str, Any] = {}
        for field in record.fields:
            values = batch.column(field.name)
            columns[field.name] = values = values if values.type.equals(field.type) else values.cast(field.type)
            place = notations[field.name].place
            table[:, place.offset : place.end] = render(notations[field.name], values)
        self._require_own_type(record, table)
        if self._totals is not None:
            self._totals.counted(record.name, batch.num_rows)
            for of, name in self._totals.wanted:
                if of == record.name:
                    self._totals.add(of, name, columns[name], 0)
        return table.tobytes()

    def _blank(self, record: Record, rows: int) -> Bytes:
        """Records of blanks with their line ends, and the text that tells their type."""
        length = self._lengths[record.name]
        one = bytearray(self._page.encode(" ") * length + self._end)
        when = record.when
        if when is not None:
            one[when.start - 1 : when.end] = self._page.encode(when.value[0].ljust(when.length))
        return np.tile(np.frombuffer(bytes(one), dtype=np.uint8), (rows, 1))

    def _require_own_type(self, record: Record, table: Bytes) -> None:
        """Raises DataError when a row's values make it look like a record of another type."""
        for other in self._records:
            when = other.when
            if when is None:
                continue
            mine = np.zeros(len(table), dtype=bool)
            for value in when.value:
                wanted = np.frombuffer(self._page.encode(value.ljust(when.length)), dtype=np.uint8)
                mine |= (table[:, when.start - 1 : when.end] == wanted).all(axis=1)
            if other is record:
                if mine.all():
                    return
                raise self._unlike(record, when.start, "is not that")
            if mine.any():
                raise self._unlike(other, when.start, "is that")

    @staticmethod
    def _unlike(record: Record, start: int, how: str) -> DataError:
        return DataError(f"a row {how} of the record {record.name!r}: the text at {start} tells the type", code="unwritable")

    def _control(self, role: str) -> None:
        """Write the header or trailer, if there is one, with what is known of it."""
        for record in self._records:
            if record.role != role:
                continue
            assert self._totals is not None
            self._totals.counted(record.name, 1)
            table = self._blank(record, 1)
            checks = {check.field: check for check in record.checks}
            for field in record.fields:
                how = self._notations[record.name][field.name]
                span = slice(how.place.offset, how.place.end)
                if field.name in checks:
                    total = self._totals.of(record, checks[field.name])
                    table[:, span] = render(how, _total(field, record, total))
                elif how.place.value is not None:
                    table[:, span] = np.frombuffer(how.placed(how.place.value), dtype=np.uint8)
                elif not (record.when is not None and _within(how.place, record)):
                    table[:, span] = render(how, pa.array([None], field.type))
            self._require_own_type(record, table)
            self._out.write(table.tobytes())


def _total(field: Field, record: Record, total: Decimal) -> Any:
    try:
        return pa.array([total], pa.decimal256(76, 38)).cast(field.type)
    except pa.ArrowInvalid:
        raise DataError(
            f"{record.name}.{field.name} has no room for the total {total}", hint="write fewer rows to a file", code="unwritable"
        ) from None


def _within(place: Place, record: Record) -> bool:
    """Whether a field is part of what tells its record's type: that is written already."""
    return record.when is not None and record.when.start - 1 <= place.offset and place.end <= record.when.end


def _notations(record: Record, encoding: str) -> Mapping[str, Notation]:
    return {field.name: notation(field, code_page(encoding)) for field in record.fields}
