"""Whole batches of a query as Arrow, by arrow-odbc: only with types that it is told, for of others it may end the process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from connector_sdk.errors import ConnectorError

from connector_odbc import driver_manager
from connector_odbc.database import Database
from connector_odbc.selecting import Query

__all__ = ["BulkReader", "NotTextError", "TooLongError"]

_STATE = re.compile(r"State: (\w{5}), Native error: (-?\d+), Message: (.*)", re.DOTALL)
_NOT_TEXT = "invalid UTF-8"
_NEEDED = re.compile(r"too large to be written into the allocated buffer.*?Some\((\d+)\)", re.DOTALL)


class TooLongError(Exception):
    """A value had no room. `needed` is its bytes."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"{needed} bytes")
        self.needed = needed


class NotTextError(Exception):
    """A text is not UTF-8."""


class BulkReader:
    """A connection of arrow-odbc's own, in one transaction, or with one for each query."""

    def __init__(self, database: Database, begin: Sequence[str], *, autocommit: bool = False) -> None:
        """Raises ConfigError or TransientError, and what the first of `begin` that fails says."""
        self._database = database
        self._module = driver_manager.arrow_odbc()
        # Not by the locale: under C the drivers still hand over UTF-8, and what is wide they then refuse.
        self._encoding = self._module.TextEncoding.UTF8
        try:
            self._connection: Any = self._module.connect(
                database.connection_string(), login_timeout_sec=max(1, round(database.config.timeout)), autocommit=autocommit
            )
            for statement in database.session:
                self._connection.execute(statement)
            if not autocommit:
                self._connection.commit()
            for statement in begin:
                self._connection.execute(statement)
        except self._module.Error as error:
            raise self.failure(error, f"preparing to read from {database.place}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection = None  # its destructor closes it

    def run(self, statement: str) -> None:
        """In the same transaction. Raises the SDK's errors."""
        try:
            self._connection.execute(statement)
        except self._module.Error as error:
            raise self.failure(error, f"reading from {self._database.place}") from None

    def batches(self, query: Query, schema: pa.Schema, rows: int, room: int) -> Iterator[pa.RecordBatch]:
        """At most `rows` at a time, with `room` bytes for a text or binary value.

        Raises TooLongError, NotTextError, else the SDK's errors.
        """
        try:
            reader = self._connection.read_arrow_batches(
                query.sql,
                batch_size=rows,
                parameters=list(query.values) or None,
                max_bytes_per_batch=None,
                max_text_size=room,
                max_binary_size=room,
                schema=schema,
                fetch_concurrently=False,
                falliable_allocations=True,
                query_timeout_sec=None,
                payload_text_encoding=self._encoding,
            )
            while True:
                batch = reader.reader.next_batch()
                if batch is None:
                    return
                yield batch
        except self._module.Error as error:
            needed = _NEEDED.search(str(error))
            if needed is not None:
                raise TooLongError(int(needed.group(1))) from None
            if _NOT_TEXT in str(error):
                raise NotTextError from None
            raise self.failure(error, f"reading from {self._database.place}") from None

    def failure(self, error: Exception, doing: str) -> ConnectorError:
        """The SDK's error for one of arrow-odbc's."""
        found = _STATE.search(str(error))
        if found is None:
            return self._database.failure(Exception("HY000", " ".join(str(error).split())), doing)
        state, native, message = found.groups()
        return self._database.failure(Exception(state, f"{message.strip()} ({native})"), doing)
