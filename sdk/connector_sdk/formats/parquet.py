"""Parquet files, through pyarrow: everything Arrow knows survives, field metadata included.

Types that Parquet lacks are stored as the nearest one that holds every value (an interval as a struct, a decimal of negative
scale as a wider one), and the file's metadata says what they were
(:mod:`connector_sdk.formats.stored`), beside the ``ARROW:schema`` that Arrow itself writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from connector_sdk.errors import ConfigError
from connector_sdk.formats.format import (
    EVERY_FIELD,
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
from connector_sdk.formats.reshape import INTERVAL, paths, reshape_batch, wider_decimal
from connector_sdk.formats.stored import decode_schema, deep, original, stored

__all__ = ["FORMAT"]

STORED = {
    pa.month_day_nano_interval(): INTERVAL,
    pa.binary(0): pa.binary(),
    pa.date64(): pa.date32(),
    pa.time32("s"): pa.time32("ms"),
}
GROUP_BYTES = 64 << 20
GROUP_ROWS = 1 << 20
READ_ROWS = 1 << 16


def losses(schema: pa.Schema) -> list[Loss]:
    found = []
    if not len(schema):
        found.append(Loss(EVERY_FIELD, "a row without fields: Parquet would forget how many there are", Kept.REFUSED))
    for path, type_ in paths(schema):
        kind: Any = type_
        if pa.types.is_struct(type_):
            names = [field.name for field in kind]
            if not names:
                found.append(Loss(path, "a struct without fields", Kept.REFUSED))
            elif len(set(names)) < len(names):
                found.append(Loss(path, "a struct with two fields of one name", Kept.REFUSED))
        elif pa.types.is_fixed_size_list(type_) and not kind.list_size:
            found.append(Loss(path, "lists that are always empty", Kept.REFUSED))
        elif pa.types.is_dictionary(type_) and kind.ordered:
            found.append(Loss(path, "the order of the categories"))
        elif pa.types.is_timestamp(type_) and kind.unit == "s":
            found.append(Loss(path, f"{VALUES}beyond the reach of milliseconds (about 292 million years)", Kept.REFUSED))
        elif _unknown(type_):
            found.append(Loss(path, f"the type {type_}", Kept.REFUSED))
    return found


def _unknown(type_: pa.DataType) -> bool:
    too_long = pa.types.is_decimal(type_) and wider_decimal(type_) is None
    return pa.types.is_union(type_) or pa.types.is_run_end_encoded(type_) or too_long


def _leaf(type_: pa.DataType) -> pa.DataType:
    kind: Any = type_
    if isinstance(type_, pa.BaseExtensionType):
        return _change(type_.storage_type)
    if pa.types.is_decimal(type_):
        return wider_decimal(type_) or type_
    if pa.types.is_dictionary(type_):
        return _change(kind.value_type)
    if pa.types.is_timestamp(type_) and kind.unit == "s":
        return pa.timestamp("ms", kind.tz)
    if pa.types.is_struct(type_):  # pyarrow's Parquet takes a required field below a null struct for a missing value
        return pa.struct([field.with_nullable(True) for field in kind])
    return STORED.get(type_, type_)


_nested = deep(_leaf)


def _change(type_: pa.DataType) -> pa.DataType:
    kind: Any = type_
    usual = pa.types.is_dictionary(type_) and kind.value_type == pa.string()
    return type_ if usual or type_ == pa.uuid() else _nested(type_)


class _Writer:
    def __init__(self, out: Output, schema: pa.Schema) -> None:
        self._sink = OutputFile(out)
        refuse("Parquet", losses(schema))
        self._schema = schema
        self._stored = stored(schema, _change)
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        accept(batch, self._schema)
        with unwritable("Parquet"):
            self._held.append(reshape_batch(batch, self._stored))
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        with unwritable("Parquet"):
            if self._writer is None:
                self._writer = pq.ParquetWriter(cast(Any, self._sink), self._stored, compression="zstd", version="2.6")
            if self._rows:
                self._writer.write_table(pa.Table.from_batches(self._held, self._stored), row_group_size=GROUP_ROWS)
        self._held.clear()
        self._rows = self._bytes = 0

    def close(self) -> None:
        self._flush()
        assert self._writer is not None
        self._writer.close()

    def __del__(self) -> None:
        self._sink.drop()


def read(file: BinaryIO, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of at most 65,536 rows. `schema` is not used: the file has its own. Raises ConfigError for a pipe."""
    del schema
    if not file.seekable():
        raise ConfigError("Parquet cannot be read from a pipe", hint="save it as a file first", code="format")
    with unreadable("Parquet", file):
        parquet = pq.ParquetFile(cast(Any, file))
        own = original(parquet.metadata.metadata, _arrow_schema(parquet))
        yield from at_least_one((reshape_batch(batch, own) for batch in parquet.iter_batches(READ_ROWS)), own)


def _arrow_schema(parquet: pq.ParquetFile) -> pa.Schema:
    """What Arrow noted; its own reader leaves some of it aside, such as the names of list items."""
    note = (parquet.metadata.metadata or {}).get(b"ARROW:schema")
    return parquet.schema_arrow if note is None else decode_schema(note)


FORMAT = Format(name="parquet", suffix=".parquet", appendable=False, losses=losses, writer=_Writer, read=read)
