"""Arrow IPC files, through pyarrow: the memory itself. Streams are read too.

Only dictionaries are stored as their values and restored by the reader: the file format allows one dictionary per field (Arrow
columnar format, "IPC File Format"), while each batch may bring another, and many readers do not know deltas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import pyarrow as pa

from connector_sdk.formats.format import Format, Loss, Output, OutputFile, accept, at_least_one, unreadable, unwritable
from connector_sdk.formats.reshape import paths, reshape_batch
from connector_sdk.formats.stored import deep, original, stored

__all__ = ["FORMAT"]

MAGIC = b"ARROW1"


def losses(schema: pa.Schema) -> list[Loss]:
    found = []
    for path, type_ in paths(schema):
        kind: Any = type_
        if pa.types.is_dictionary(type_) and kind.ordered:
            found.append(Loss(path, "the order of the categories"))
    return found


class _Writer:
    def __init__(self, out: Output, schema: pa.Schema) -> None:
        self._sink = OutputFile(out)
        self._schema = schema
        self._stored = stored(schema, _change)
        self._closed = False
        self._writer = pa.ipc.new_file(cast(Any, self._sink), self._stored)

    def write(self, batch: pa.RecordBatch) -> None:
        accept(batch, self._schema)
        if batch.num_rows:
            with unwritable("Arrow"):
                self._writer.write_batch(reshape_batch(batch, self._stored))

    def close(self) -> None:
        if not self._closed:
            self._writer.close()
        self._closed = True

    def __del__(self) -> None:
        self._sink.drop()


def _leaf(type_: pa.DataType) -> pa.DataType:
    kind: Any = type_
    return kind.value_type if pa.types.is_dictionary(type_) else type_


_change = deep(_leaf)


def read(file: BinaryIO, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """The batches as they were written, from a file or, when `file` is a pipe or begins like one, a stream."""
    del schema
    with unreadable("Arrow", file):
        if file.seekable():
            start = file.tell()
            is_file = file.read(len(MAGIC)) == MAGIC
            file.seek(start)
            if is_file:
                yield from _file(file)
                return
        stream = pa.ipc.open_stream(cast(Any, file))
        yield from _restored(stream, stream.schema)


def _file(file: BinaryIO) -> Iterator[pa.RecordBatch]:
    reader = pa.ipc.open_file(cast(Any, file))
    return _restored((reader.get_batch(index) for index in range(reader.num_record_batches)), reader.schema)


def _restored(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    own = original(schema.metadata, schema)
    return at_least_one((reshape_batch(batch, own) for batch in batches), own)


FORMAT = Format(name="arrow", suffix=".arrow", appendable=False, losses=losses, writer=_Writer, read=read)
