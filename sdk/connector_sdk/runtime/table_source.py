"""Rows that are at hand already, as a source: what ``session.write(data)`` and ``connector write -i`` read from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from connector_sdk.changes import BEFORE, OP, RESERVED, is_change
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.runtime.exact_rows import AT_ONCE, exact, fit, roomy
from connector_sdk.schema import Mode, Stream, Where, WriteMode, has_default

__all__ = ["TableSource"]

KEPT_BYTES = 64 << 20


class TableSource:
    """One stream of rows that come once: a Reading, anything with ``__arrow_c_stream__``, batches, or a list of dicts. The last
    64 MB of them that are not acknowledged are kept, which is as much as a piece has that has to be written again.

    `like` is the target's stream: rows are cast to its types where that loses nothing, and are rejects where it would; its keys
    are taken. Change batches (their first column is ``_op``) are read in CHANGES mode. `told` are rejects of what was no row
    to begin with: whoever makes `data` appends them (`REJECT_SCHEMA`) before the batch that follows them.
    """

    def __init__(
        self,
        stream: str,
        data: Any,
        *,
        keys: Sequence[str] = (),
        like: Stream | None = None,
        told: deque[pa.RecordBatch] | None = None,
    ) -> None:
        self._name = stream
        self._told: deque[pa.RecordBatch] = deque() if told is None else told
        self._reader = _batch_reader(data, like)
        schema = self._reader.schema
        self.mode = Mode.CHANGES if is_change(schema) else Mode.FULL
        said = RESERVED if self.mode is Mode.CHANGES else ()  # a table of rows may have columns that are called so
        own = pa.schema([field for field in schema if field.name not in said]).with_metadata(schema.metadata)
        keys = tuple(keys) or (tuple(k for k in like.keys if k in own.names) if like is not None else ())
        own = _plain(own) if like is None else _fit(own, like, stream)
        self._kept: deque[tuple[int, Batch]] = deque()
        self._kept_bytes = 0
        self._rest: deque[pa.RecordBatch] = deque()  # parts of a batch in which some row does not fit
        self._number = self._rows = 0  # of the last batch that came, and of its last row
        self._stream = Stream(name=stream, schema=own, keys=keys, reads=frozenset({self.mode}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._reader.close()

    def check(self) -> None:
        return None

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [self._stream]

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        return [Split(id=self._name, streams=tuple(streams), mode=mode, left=where)]

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        start = 0 if state is None else state["batch"]
        oldest = self._kept[0][0] if self._kept else self._number + 1
        if start + 1 < oldest:
            raise DataError(f"rows for {self._name!r} have to be written again, and came only once", hint="give them again")
        yield from [batch for number, batch in self._kept if number > start]
        while (rows := self._next()) is not None:
            schema, rejects = self._target_schema(rows.schema), None
            data = exact(rows, schema)
            if data is None and rows.num_rows > AT_ONCE:
                self._rest.extend(rows.slice(at, AT_ONCE) for at in range(0, rows.num_rows, AT_ONCE))
                continue
            if data is None:
                data, rejects = fit(self._name, rows, schema, before=self._rows)
            self._number += 1
            self._rows += rows.num_rows
            batch = Batch(stream=self._name, data=data, state={"batch": self._number}, rejects=self._with_told(rejects))
            self._keep(self._number, batch)
            yield batch
        if self.mode is Mode.CHANGES or not self._number:
            yield Batch(stream=self._name, data=self._empty(), state={"batch": self._number})

    def _next(self) -> pa.RecordBatch | None:
        return self._rest.popleft() if self._rest else next(self._reader, None)

    def _with_told(self, rejects: pa.RecordBatch | None) -> pa.RecordBatch | None:
        found = [self._told.popleft() for _ in range(len(self._told))] + ([] if rejects is None else [rejects])
        if len(found) > 1:
            return pa.Table.from_batches(found).combine_chunks().to_batches()[0]
        return found[0] if found else None

    def _keep(self, number: int, batch: Batch) -> None:
        self._kept.append((number, batch))
        self._kept_bytes += _size(batch)
        while self._kept_bytes - _size(batch) > KEPT_BYTES:
            self._kept_bytes -= _size(self._kept.popleft()[1])

    def _empty(self) -> pa.RecordBatch:
        schema = self._target_schema(self._reader.schema)
        return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)

    def _target_schema(self, schema: pa.Schema) -> pa.Schema:
        changes = self.mode is Mode.CHANGES
        own = {field.name: field.with_nullable(True) if changes else field for field in self._stream.schema}
        return pa.schema([own[field.name] if field.name in own else _reserved(field, own) for field in schema])

    def ack(self, split: Split, state: State) -> None:
        while self._kept and self._kept[0][0] <= state["batch"]:
            self._kept_bytes -= _size(self._kept.popleft()[1])


def _reserved(field: pa.Field[Any], own: Mapping[str, pa.Field[Any]]) -> pa.Field[Any]:
    """A column that says something of the change; a row as it was has the types of the row."""
    was: Any = field.type
    if field.name == BEFORE and pa.types.is_struct(was):
        return pa.field(BEFORE, pa.struct([own.get(part.name, part) for part in was]))
    return field.with_nullable(field.name != OP)


def _size(batch: Batch) -> int:
    return batch.data.nbytes + (0 if batch.rejects is None else batch.rejects.nbytes)


def _batch_reader(data: Any, like: Stream | None) -> pa.RecordBatchReader:
    if isinstance(data, pa.RecordBatchReader):
        return data
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    if isinstance(data, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(data.schema, [data])
    if isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        rows = list(data) if isinstance(data, Sequence) else data
        if isinstance(rows, list) and (not rows or isinstance(rows[0], Mapping)):
            return _from_dicts(rows, like)
        iterator = iter(rows)
        first = next(iterator, None)
        if isinstance(first, pa.RecordBatch):
            return pa.RecordBatchReader.from_batches(first.schema, _chain(first, iterator))
        if isinstance(first, Mapping):
            return _from_dicts([first, *iterator], like)
        if first is None:
            return _from_dicts([], like)
    raise ConfigError(
        f"{type(data).__name__} cannot be written",
        hint="give an Arrow table, anything with __arrow_c_stream__, or dicts",
    )


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _from_dicts(rows: Sequence[Mapping[str, Any]], like: Stream | None) -> pa.RecordBatchReader:
    schema = None
    if like is not None:
        names = dict.fromkeys(name for row in rows for name in row)
        unknown = [name for name in names if name not in like.schema.names and name not in RESERVED]
        if unknown:
            raise ConfigError(f"stream {like.name!r} has no field {unknown[0]!r}", stream=like.name)
        if not any(name in RESERVED for name in names):
            kept = [field for field in like.schema if field.name in names or not has_default(field)]
            schema = roomy(pa.schema(kept).with_metadata(like.schema.metadata))
    try:
        table = pa.Table.from_pylist(list(rows), schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"the rows do not fit: {error}", stream=None if like is None else like.name) from None
    return table.to_reader(max_chunksize=100_000)


def _plain(own: pa.Schema) -> pa.Schema:
    """The same types, without the layouts in memory that few targets know: polars hands out texts as views."""
    plain: dict[pa.DataType, pa.DataType] = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    fields = [field.with_type(plain[field.type]) if field.type in plain else field for field in own]
    return pa.schema(fields).with_metadata(own.metadata)


def _fit(own: pa.Schema, like: Stream, stream: str) -> pa.Schema:
    """The rows' fields with the target's types where it has them. Raises ConfigError for fields it does not have."""
    unknown = [name for name in own.names if name not in like.schema.names]
    if unknown and WriteMode.APPEND in like.writes and not like.schema.names:
        return own
    if unknown:
        raise ConfigError(
            f"stream {stream!r} has no field {', '.join(map(repr, unknown))}",
            hint=f"it has {', '.join(like.schema.names[:20])}",
            stream=stream,
        )
    missing = [f.name for f in like.schema if f.name not in own.names and not f.nullable and not has_default(f)]
    if missing:
        raise ConfigError(f"stream {stream!r} needs {', '.join(map(repr, missing))}, which the rows do not have", stream=stream)
    return pa.schema([like.schema.field(name) for name in own.names]).with_metadata(like.schema.metadata)
