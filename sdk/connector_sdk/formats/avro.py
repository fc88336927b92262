"""Avro object container files: fastavro reads them and frames their blocks, which are encoded a column at a time.

Blocks are deflated. The file's metadata has the Arrow schema (key ``connector.schema``, see :mod:`connector_sdk.formats.stored`),
so that field metadata and types that Avro lacks come back; a file without it is read by its Avro schema alone.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import fastavro
import fastavro.write
import pyarrow as pa

from connector_sdk.errors import DataError
from connector_sdk.formats.avro_blocks import encode_rows
from connector_sdk.formats.avro_schema import arrow_schema, avro_schema, stored_type
from connector_sdk.formats.format import (
    VALUES,
    Format,
    Kept,
    Loss,
    Output,
    OutputFile,
    accept,
    at_least_one,
    refuse,
    unreadable,
    unwritable,
)
from connector_sdk.formats.reshape import paths, reshape_batch, wider_decimal
from connector_sdk.formats.stored import KEY, decode_schema, encode_schema

__all__ = ["FORMAT"]

MAGIC = b"Obj\x01"
BLOCK_BYTES = 256 << 10
"""Uncompressed size of a block; readers split files between blocks."""
READ_ROWS = 1 << 14
LEVEL = 4
"""Of deflate: half the time of zlib's own choice, 6, for files about one in a hundred larger."""


def losses(schema: pa.Schema) -> list[Loss]:
    found = []
    for path, type_ in paths(schema):
        kind: Any = type_
        if pa.types.is_dictionary(type_) and kind.ordered:
            found.append(Loss(path, "the order of the categories"))
        elif pa.types.is_map(type_):
            found.append(Loss(path, f"{VALUES}with a key twice", Kept.REFUSED))
        elif pa.types.is_timestamp(type_) and kind.unit == "s":
            found.append(Loss(path, f"{VALUES}beyond the reach of milliseconds (about 292 million years)", Kept.REFUSED))
        elif pa.types.is_union(type_) or pa.types.is_run_end_encoded(type_):
            found.append(Loss(path, f"the type {type_}", Kept.REFUSED))
        elif pa.types.is_decimal(type_) and wider_decimal(type_) is None:
            found.append(Loss(path, f"the type {type_}: over 76 digits", Kept.REFUSED))
    return found


@dataclass(frozen=True)
class _Block:
    """What `fastavro.write.Writer.write_block` asks of a block."""

    num_records: int
    bytes_: io.BytesIO


class _Writer:
    def __init__(self, out: Output, schema: pa.Schema) -> None:
        refuse("Avro", losses(schema))
        self._schema = schema
        self._stored = _stored(schema)
        self._held = io.BytesIO()
        self._rows = 0
        self._writer = fastavro.write.Writer(
            cast(Any, OutputFile(out)),
            avro_schema(self._stored),
            codec="deflate",
            compression_level=LEVEL,
            metadata={KEY: encode_schema(schema)},
        )

    def write(self, batch: pa.RecordBatch) -> None:
        accept(batch, self._schema)
        step = max(1, batch.num_rows * BLOCK_BYTES // max(batch.nbytes, 1))
        for start in range(0, batch.num_rows, step):
            with unwritable("Avro"):
                rows = encode_rows(reshape_batch(batch.slice(start, step), self._stored))
            buffers: Any = rows.buffers()
            if buffers[2] is not None:
                self._held.write(buffers[2])
            self._rows += len(rows)
            if self._held.tell() >= BLOCK_BYTES or self._rows >= READ_ROWS:
                self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_block(_Block(self._rows, self._held))
        self._held = io.BytesIO()
        self._rows = 0

    def close(self) -> None:
        self._flush()


def _stored(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(stored_type(field.type)) for field in schema])


_HEADER: Any = {
    "type": "record",
    "name": "org.apache.avro.file.Header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": 4}},
        {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        {"name": "sync", "type": {"type": "fixed", "name": "Sync", "size": 16}},
    ],
}
"""Avro specification, "Object Container Files"."""


def read(file: BinaryIO, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of at most 16,384 rows. `schema` is not used: the file has its own."""
    del schema
    with unreadable("Avro", file):
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise DataError("the file is no Avro object container file: its first bytes are not Obj and 1", code="format")
        header: Any = fastavro.schemaless_reader(cast(Any, _Chain(magic, file)), _HEADER, None)
        avro = json.loads(header["meta"]["avro.schema"])
        own, wire = _schemas(avro, header["meta"].get(KEY))
        yield from at_least_one((reshape_batch(batch, own) for batch in _batches(file, header, avro, wire)), own)


def _schemas(avro: Any, note: bytes | None) -> tuple[pa.Schema, pa.Schema]:
    """What the rows are, and what fastavro gives of them. A note that does not belong to the file's schema is left aside."""
    if note is not None:
        own = decode_schema(note)
        wire = _stored(own)
        if avro_schema(wire) == avro:
            return own, wire
    own = arrow_schema(avro)
    return own, own


def _batches(file: BinaryIO, header: Any, avro: Any, wire: pa.Schema) -> Iterator[pa.RecordBatch]:
    # Python's dates reach from year 1 to 9999 and know microseconds only. Without its logical types, fastavro gives the integers.
    head = io.BytesIO()
    header["meta"]["avro.schema"] = json.dumps(_bare(avro)).encode()
    fastavro.schemaless_writer(head, _HEADER, header)
    rows = fastavro.reader(cast(Any, _Chain(head.getvalue(), file)))
    names = [field["name"] for field in avro["fields"]]
    types = [_named(field.type, member["type"]) for field, member in zip(wire, avro["fields"], strict=True)]
    while some := list(itertools.islice(rows, READ_ROWS)):
        if not names:
            yield pa.RecordBatch.from_pydict({"": pa.nulls(len(some))}).select([])
            continue
        columns = [pa.array([cast(Any, row)[name] for row in some], type_) for name, type_ in zip(names, types, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, names)


class _Chain:
    """Bytes, then a file."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = io.BytesIO(head)
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._head.read(size)
        if size < 0:
            return data + self._file.read()
        return data if len(data) == size else data + self._file.read(size - len(data))


def _bare(avro: Any) -> Any:
    """The schema without logical types, but for decimals, which Python holds exactly."""
    if isinstance(avro, list):
        return [_bare(one) for one in avro]
    if not isinstance(avro, dict):
        return avro
    drop = avro.get("logicalType") != "decimal"
    return {
        key: _bare(value) if key in ("type", "items", "values", "fields") else value
        for key, value in avro.items()
        if not (drop and key == "logicalType")
    }


def _named(type_: Any, avro: Any) -> pa.DataType:
    """`type_` with the field names that its Avro schema has, as fastavro's dictionaries do."""
    if isinstance(avro, list):
        avro = next((one for one in avro if one != "null"), "null")
    if isinstance(type_, pa.BaseExtensionType):
        return type_.storage_type
    if pa.types.is_struct(type_) and isinstance(avro, dict):
        members = zip(type_, avro["fields"], strict=True)
        return pa.struct([pa.field(m["name"], _named(field.type, m["type"])) for field, m in members])
    if pa.types.is_list(type_):
        return pa.list_(pa.field("item", _named(type_.value_type, avro["items"])))
    if pa.types.is_map(type_):
        return pa.map_(pa.string(), _named(type_.item_type, avro["values"]))
    return cast(pa.DataType, type_)


FORMAT = Format(name="avro", suffix=".avro", appendable=False, losses=losses, writer=_Writer, read=read)
