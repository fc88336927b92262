"""Staging by arrow-odbc: arrays bound as they are, the fastest way where the driver sends them in bulk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_odbc import driver_manager
from connector_odbc.database import Database
from connector_odbc.writing.columns import StagedColumn

__all__ = ["BulkError", "BulkWriter"]

_STATE = re.compile(r"State: (\w{5}), Native error: (-?\d+), Message: (.*)", re.DOTALL)


class BulkError(Exception):
    """A database error that arrow-odbc told, with the arguments of one of pyodbc's: SQLSTATE, and message with its number."""


class BulkWriter:
    """A connection of arrow-odbc's of its own. What it inserts is committed at once: for tables that nobody reads yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        module = driver_manager.arrow_odbc()
        try:
            self._connection = module.connect(database.connection_string(**database.profile.writes.options))
            for statement in (*database.session, *database.profile.writes.session):
                self._connection.execute(statement)
        except module.Error as error:
            raise database.failure(_as_pyodbc(error), f"preparing to write to {database.place}") from None

    def insert(self, table: str, columns: Sequence[StagedColumn]) -> None:
        """Insert all rows of `columns`. Raises BulkError; some of them may be there then."""
        quote = self._database.profile.quote
        # A column of 10 MB texts is bound with room for as many of them as a chunk has rows.
        rows = len(columns[0].data.values)
        widest = max((_widest(staged.data.values) for staged in columns), default=1)
        chunk = max(1, min(rows, (64 << 20) // max(1, widest)))
        batch = pa.RecordBatch.from_arrays([c.data.values for c in columns], names=[quote(c.name) for c in columns])
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
        try:
            self._connection.insert_into_table(reader=reader, chunk_size=chunk, table=table)
        except driver_manager.arrow_odbc().Error as error:
            raise _as_pyodbc(error) from None

    def untold(self) -> BulkError:
        """The error that the driver did not tell of the last insert."""
        found: list[Any] = []
        reader = self._connection.read_arrow_batches("SHOW WARNINGS", max_text_size=1024)
        for batch in reader or ():
            found += batch.to_pylist()
        if not found:
            return BulkError("22000", "[22000] the server did not take it, and told no reason (0)")
        return BulkError("22000", f"[22000] {found[-1]['Message']} ({found[-1]['Code']})")

    def close(self) -> None:
        """Let go of the connection."""
        del self._connection


def _widest(values: Any) -> int:
    if not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        return 8
    import pyarrow.compute as pc

    return int(pc.max(pc.binary_length(values)).as_py() or 1)


def _as_pyodbc(error: BaseException) -> BulkError:
    found = _STATE.search(str(error))
    if found is None:
        return BulkError("HY000", f"[HY000] {' '.join(str(error).split())} (0)")
    state, number, message = found.groups()
    return BulkError(state, f"[{state}] {' '.join(message.split())} ({number})")
