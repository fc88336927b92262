"""The records of the fake system's log: rows as lines of JSON, typed by their stream's schema, exact in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

import msgspec
import pyarrow as pa

from connector_sdk import changes
from connector_sdk.rejects import Reject, reject_batch
from connector_sdk.schema import Stream, WriteMode

__all__ = ["Decoded", "Entry", "decode", "encode", "entries_of", "key_of"]


class Entry(NamedTuple):
    """One line of the log: what happened (``c u d t``, as in change batches) to which record. `record` is a line of JSON."""

    stream: str
    op: str
    key: str
    record: bytes


def encode(batch: pa.RecordBatch | pa.Table) -> list[bytes]:
    """Each row as one line of JSON that :func:`decode` reads back exactly."""
    return [msgspec.json.encode(row) for row in batch.to_pylist()]


def key_of(stream: Stream, row: Mapping[str, object]) -> str:
    """What identifies `row` in the log; empty for a stream without keys."""
    return msgspec.json.encode([row[key] for key in stream.keys]).decode() if stream.keys else ""


class Decoded(NamedTuple):
    """Rows, the entries they came from, and the records that are none as rejects."""

    data: pa.RecordBatch
    entries: list[tuple[int, Entry]]
    rejects: pa.RecordBatch | None


def decode(stream: str, schema: pa.Schema, entries: Iterable[tuple[int, Entry]]) -> Decoded:
    """The records of `entries`, each with its place in the log, as one batch of `schema`."""
    decoder = msgspec.json.Decoder(_record_type(schema))
    rows: list[Any] = []
    good: list[tuple[int, Entry]] = []
    rejects: list[Reject] = []
    for position, entry in entries:
        try:
            rows.append(decoder.decode(entry.record))
            good.append((position, entry))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            text = str(error)
            where = text.partition("`$.")[2].rstrip("`") or None
            rejects.append(
                Reject(stream=stream, code="type", reason=text, raw=entry.record, field=where, place=stream, offset=position)
            )
    return Decoded(pa.RecordBatch.from_pylist(rows, schema=schema), good, reject_batch(rejects) if rejects else None)


def _record_type(schema: pa.Schema) -> Any:
    return _typed_dict(list(schema))


def _typed_dict(fields: Sequence[pa.Field[Any]]) -> Any:
    kinds = {field.name: _python_type(field.type) | None for field in fields}
    for name in kinds:
        # msgspec 0.22 overlooks the keys of a TypedDict that are not ASCII, unless Python has their UTF-8 form at hand.
        msgspec.json.encode(name)
    make: Any = TypedDict  # its functional form takes names that are no identifiers
    return make("Record", kinds, total=False)


def _python_type(arrow: pa.DataType) -> Any:
    kinds = pa.types
    if kinds.is_struct(arrow):
        return _typed_dict([arrow.field(i) for i in range(arrow.num_fields)])
    if kinds.is_list(arrow) or kinds.is_large_list(arrow):
        return list[_python_type(arrow.value_type) | None]  # type: ignore[misc]  # made while it runs
    for test, python in (
        (kinds.is_boolean, bool),
        (kinds.is_integer, int),
        (kinds.is_floating, float),
        (kinds.is_decimal, Decimal),
        (kinds.is_date, date),
        (kinds.is_timestamp, datetime),
        (kinds.is_time, time),
        (kinds.is_binary, bytes),
        (kinds.is_large_binary, bytes),
        (kinds.is_fixed_size_binary, bytes),
    ):
        if test(arrow):
            return python
    return str


def entries_of(stream: Stream, data: pa.RecordBatch, mode: WriteMode) -> list[Entry]:
    """The log entries that write `data`: plain inserts, updates by key, or the change operations themselves."""
    if not changes.is_change(data.schema):
        op = "u" if mode is WriteMode.UPSERT else "c"
        rows = zip(data.to_pylist(), encode(data), strict=True)
        return [Entry(stream.name, op, key_of(stream, row), record) for row, record in rows]
    entries = []
    known: list[Any] = data.column(changes.KNOWN).to_pylist()
    ops: list[Any] = data.column(changes.OP).to_pylist()
    for op, positions, row in zip(ops, known, changes.payload(data).to_pylist(), strict=True):
        key = "" if op == "t" else key_of(stream, row)
        if positions is not None:
            row = {name: row[name] for name in (stream.schema.names[position] for position in positions)}
        # A row may be seen twice, in the snapshot and in the log after its low-water mark: whatever is no delete is an upsert.
        written = op if op in "dt" else "u" if positions is None else "p"
        entries.append(Entry(stream.name, written, key, msgspec.json.encode(row)))
    return entries
