"""A query's rows one by one as Arrow, by pyodbc: for values too long to make room for in every row of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from connector_odbc import driver_manager
from connector_odbc.database import Connection
from connector_odbc.restoring import ESCAPE
from connector_odbc.selecting import Query

__all__ = ["AS_IT_IS", "as_it_is", "batches"]

AS_IT_IS = "latin-1"
"""A character for each byte."""

BYTES = 8 << 20
"""Of text and binary, about this much in a batch."""


def as_it_is(connection: Connection) -> None:
    """Texts come as `connection`'s driver has them, a character for each byte."""
    pyodbc = driver_manager.pyodbc()
    for kind in (pyodbc.SQL_CHAR, pyodbc.SQL_WCHAR):
        connection.setdecoding(kind, encoding=AS_IT_IS, ctype=pyodbc.SQL_CHAR)


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
            columns.append(
                _texts([value if value is None or isinstance(value, bytes) else str(value).encode(AS_IT_IS) for value in values])
            )
        elif pa.types.is_string(field.type):
            columns.append(pa.array([None if value is None else str(value) for value in values], pa.string()))
        elif pa.types.is_integer(field.type):  # which sqliteodbc takes for a text where the first row has none
            columns.append(pa.array([None if value is None else int(value) for value in values], field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _texts(values: Sequence[bytes | None]) -> pa.Array[Any]:
    """What is not UTF-8 is marked as a value of another kind is."""
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else _marked(value) for value in values], pa.string())


def _marked(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"{ESCAPE}text {value.decode(errors='backslashreplace')}"
