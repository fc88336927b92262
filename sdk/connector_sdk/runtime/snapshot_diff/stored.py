"""The differences that a generation keeps, read back as change batches of the stream as it is asked for now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa

from connector_sdk.changes import BEFORE, OP, RESERVED, change_schema
from connector_sdk.runtime.snapshot_diff.blocks import Blocks
from connector_sdk.runtime.snapshot_diff.comparison import conform
from connector_sdk.runtime.snapshot_diff.history import Generation, History
from connector_sdk.runtime.snapshot_diff.row_hash import kind_of
from connector_sdk.schema import Stream

__all__ = ["changes_of", "rejects_of"]


def rejects_of(history: History, generation: Generation) -> Iterator[pa.RecordBatch]:
    """The rejects that came with a generation's snapshot."""
    yield from _between(history, generation, "rejects", 0, generation.parts["rejects"].rows)


def changes_of(
    history: History, generation: Generation, stream: Stream, start: int, stop: int, *, before: bool
) -> Iterator[pa.RecordBatch]:
    """The change rows from number `start` up to `stop`: those that are gone, then those that are new or changed.

    Raises StateInvalidError when their file is missing or damaged.
    """
    gone = generation.parts["deleted"].rows
    for part, first, last in (("deleted", start, min(stop, gone)), ("changed", max(start, gone), stop)):
        offset = 0 if part == "deleted" else gone
        for batch in _between(history, generation, part, first - offset, last - offset):
            yield _change_batch(batch, generation.seq, first, stream, before=before)
            first += batch.num_rows


def _between(history: History, generation: Generation, part: str, start: int, stop: int) -> Iterator[pa.RecordBatch]:
    if start < stop:
        told = generation.parts[part]
        with closing(Blocks(history.folder / told.name, told.blocks)) as blocks:
            yield from blocks.between(start, stop)


def _change_batch(batch: pa.RecordBatch, seq: int, first: int, stream: Stream, *, before: bool) -> pa.RecordBatch:
    """Stored rows with the reserved columns. `_pos` is the generation and the row's number in it, big-endian."""
    count = batch.num_rows
    schema = change_schema(stream.schema, before=before)
    stored = batch.schema.names
    present = [
        position
        for position, field in enumerate(stream.schema)
        if field.name in stored and kind_of(batch.schema.field(field.name).type) == kind_of(field.type)
    ]
    names = [stream.schema.field(position).name for position in present]
    wanted = pa.schema([field for field in schema if field.name not in RESERVED])
    payload = conform(batch.select(names), wanted, strict=names, stream=stream.name)
    places = np.empty((count, 2), ">u8")
    places[:, 0], places[:, 1] = seq, np.arange(first, first + count)
    columns: list[pa.Array[Any]] = [
        batch.column(OP) if OP in stored else pa.repeat("d", count),
        pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(places.tobytes())]).cast(pa.binary()),
        pa.nulls(count, schema.field("_ts").type),
        pa.nulls(count, schema.field("_rev").type),
        _known(present, count) if len(present) < len(stream.schema) else pa.nulls(count, schema.field("_known").type),
    ]
    if before:
        columns.append(_image(batch, schema.field(BEFORE).type, stream.name))
    return pa.RecordBatch.from_arrays([*columns, *payload.columns], schema=schema)


def _known(positions: Sequence[int], count: int) -> Any:
    offsets: Any = pa.array(np.arange(count + 1, dtype=np.int32) * len(positions))
    values: Any = pa.array(np.tile(np.array(positions, np.int16), count))
    return pa.ListArray.from_arrays(offsets, values)


def _image(batch: pa.RecordBatch, type: Any, stream: str) -> Any:  # noqa: A002 - the field's own word
    """The rows as they were, with the fields that the stream has now."""
    if BEFORE not in batch.schema.names:
        return pa.nulls(batch.num_rows, type)
    stored: Any = batch.column(BEFORE)
    fields = [stored.field(index) for index in range(stored.type.num_fields)]
    rows = pa.RecordBatch.from_arrays(fields, schema=pa.schema(list(stored.type)))
    rows = conform(rows, pa.schema(list(type)), strict=(), stream=stream)
    return pa.StructArray.from_arrays(rows.columns, fields=list(type), mask=stored.is_null())
