"""The types of records in a file: how long they are, how their fields are written, and which record is of which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.formats.fixed_width.code_page import Bytes, CodePage, code_page
from connector_sdk.formats.fixed_width.framing import Records, Rows
from connector_sdk.formats.fixed_width.notation import notation
from connector_sdk.formats.layout import FixedWidth, Layout, Record
from connector_sdk.formats.layout.layout import schema_of

__all__ = ["RecordType", "Wanted", "classified", "record_length", "record_types", "records_of"]


@dataclass(frozen=True)
class Wanted:
    """A record whose rows are asked for: the stream they go to, and which fields, in that order (None: all)."""

    stream: str
    columns: tuple[str, ...] | None = None


def records_of(layout: Layout) -> tuple[Record, ...]:
    """The types of records in a file: those it lists, or the one that its own fields are, called as the layout."""
    return layout.fixed_width.records or (Record(name=layout.name, fields=layout.fields, keys=layout.keys),)


def record_length(form: FixedWidth, record: Record, records: Sequence[Record]) -> int:
    """Bytes of a record without its line end: its own length, that of the file, or as far as fields reach."""
    ends = [
        field.place.end for each in (records if form.framing == "none" else (record,)) for field in each.fields if field.place
    ]
    if form.framing == "none":
        return max([form.length, *(each.length for each in records), *ends])
    return record.length or form.length or max(ends, default=0)


class RecordType:
    """One type of record: its length, how its fields are written, and for whom what of it is decoded (`columns`)."""

    def __init__(self, record: Record, length: int, page: CodePage, wanted: Wanted | None) -> None:
        """Raises ConfigError for a field that cannot be written as it says, and for a column that is none of its fields."""
        self.record, self.length, self.wanted = record, length, wanted
        self.notations = {field.name: notation(field, page) for field in record.fields}
        self.columns: tuple[str, ...] = ()
        if wanted is not None:
            names = tuple(field.name for field in record.fields)
            unknown = [name for name in wanted.columns or () if name not in names]
            if unknown or wanted.columns == ():
                raise ConfigError(
                    f"record {record.name!r} has no field {', '.join(map(repr, unknown)) or 'in an empty projection'}",
                    hint=f"it has {', '.join(names[:20])}",
                    stream=wanted.stream,
                )
            self.columns = wanted.columns or names

    @property
    def schema(self) -> pa.Schema:
        """Of the rows that are wanted."""
        by_name = {field.name: field for field in self.record.fields}
        return schema_of([by_name[name] for name in self.columns])


def record_types(layout: Layout, wanted: Mapping[str, Wanted]) -> tuple[RecordType, ...]:
    """The types of records in a file. Raises ConfigError when something is wanted that has no rows."""
    records, form, page = records_of(layout), layout.fixed_width, code_page(layout.encoding)
    unknown = sorted(set(wanted) - {record.name for record in records if record.role == "data"})
    if unknown or not wanted:
        raise ConfigError(f"layout {layout.name!r} has no rows called {', '.join(unknown) or 'nothing'}", code="layout")
    return tuple(RecordType(record, record_length(form, record, records), page, wanted.get(record.name)) for record in records)


def classified(
    types: Sequence[RecordType], page: CodePage, data: Bytes, records: Records
) -> tuple[list[tuple[RecordType, Rows | None]], Rows]:
    """The records of each type (None: all of them), and those of none."""
    if len(types) == 1 and types[0].record.when is None:
        return [(types[0], None)], np.empty(0, dtype=np.int64)
    blank = page.encode(" ")
    head = records.table(data, None, max(each.record.when.end for each in types if each.record.when is not None), blank[0])
    left = np.ones(len(records), dtype=bool)
    found: list[tuple[RecordType, Rows | None]] = []
    for each in sorted(types, key=lambda each: each.record.when is None):
        mine = left.copy()
        when = each.record.when
        if when is not None:
            there = head[:, when.start - 1 : when.end]
            mine = np.zeros(len(records), dtype=bool)
            for value in when.value:
                wanted = np.frombuffer(page.encode(value).ljust(when.length, blank), dtype=np.uint8)
                mine |= (there == wanted).all(axis=1)
            mine &= left
        left &= ~mine
        found.append((each, np.flatnonzero(mine)))
    return found, np.flatnonzero(left)
