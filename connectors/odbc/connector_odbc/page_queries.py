"""One page of lines asked of the database: as a batch of one value with room for it, or as a row where a batch has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from connector_odbc import driver_manager
from connector_odbc.bulk import BulkReader, TooLongError
from connector_odbc.database import Connection
from connector_odbc.pages import BYTES, FEWEST_ROWS, MOST_TIMES_AS_MANY, After, Page
from connector_odbc.rows import AS_IT_IS, as_it_is
from connector_odbc.selecting import Query

__all__ = ["Ask", "Asked", "in_batches", "in_rows"]

Ask = Callable[[After, int, int], Page]
Asked = Callable[[After, int, int], Query]

_SCHEMA = pa.schema([("rows", pa.int64())]).append(pa.field("lines", pa.binary()))

ROOM = 3 * BYTES // 2
"""Bytes that a page is given: more than it has when its lines are as long as those of the page before."""


def in_batches(reader: Callable[[], BulkReader], asked: Asked, warm_up: str | None = None) -> Ask:
    """`warm_up` goes before the first page that may be a full one. Raises the SDK's errors."""
    cold = warm_up is not None

    def ask(after: After, rows: int, longest: int) -> Page:
        nonlocal cold
        if cold and rows > FEWEST_ROWS * MOST_TIMES_AS_MANY:
            reader().run(str(warm_up))
            cold = False
        room = ROOM
        while True:
            try:
                [found] = reader().batches(asked(after, rows, longest), _SCHEMA, 1, room)
            except TooLongError as error:
                room = error.needed + 1
                continue
            lines: Any = found.column(1)[0]
            return Page(found.column(0)[0].as_py(), lines.as_buffer() if lines.is_valid else pa.py_buffer(b""))

    return ask


def in_rows(connection: Connection, asked: Asked, failed: Callable[[BaseException], Exception]) -> Ask:
    """`connection` is for nothing else. Raises what `failed` makes of the driver's errors."""
    pyodbc = driver_manager.pyodbc()
    as_it_is(connection)

    def ask(after: After, rows: int, longest: int) -> Page:
        query = asked(after, rows, longest)
        try:
            count, lines = connection.execute(query.sql, *query.values).fetchone()
        except pyodbc.Error as error:
            raise failed(error) from None
        return Page(int(count), pa.py_buffer((lines or "").encode(AS_IT_IS)))

    return ask
