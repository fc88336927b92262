"""A query's rows one by one as Arrow, by pyodbc: for values too long to make room for in every row of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from connector_odbc.database import Connection
from connector_odbc.selecting import Query

__all__ = ["batches"]

BYTES = 8 << 20
"""Of text and binary, about this much in a batch."""


def batches(
    connection: Connection, query: Query, schema: pa.Schema, rows: int, encoded: Sequence[bool]
) -> Iterator[pa.RecordBatch]:
    """At most `rows` at a time, and fewer where their values are long; where `encoded`, text comes as its UTF-8."""
    cursor = connection.execute(query.sql, *query.values)
    try:
        held: list[Any] = []
        size = 0
        while True:
            row = cursor.fetchone()
            if row is None:
                break
            held.append(row)
            size += sum(len(value) for value in row if isinstance(value, str | bytes | bytearray))
            if len(held) >= rows or size >= BYTES:
                yield _batch(held, schema, encoded)
                held, size = [], 0
        if held:
            yield _batch(held, schema, encoded)
    finally:
        cursor.close()


def _batch(rows: list[Any], schema: pa.Schema, encoded: Sequence[bool]) -> pa.RecordBatch:
    columns: list[pa.Array[Any]] = []
    for values, field, is_encoded in zip(zip(*rows, strict=True), schema, encoded, strict=True):
        if is_encoded:
            columns.append(pa.array(values, pa.binary()).cast(pa.string()))
        elif pa.types.is_string(field.type):
            columns.append(pa.array([None if value is None else str(value) for value in values], pa.string()))
        elif pa.types.is_integer(field.type):  # which sqliteodbc takes for a text where the first row has none
            columns.append(pa.array([None if value is None else int(value) for value in values], field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
