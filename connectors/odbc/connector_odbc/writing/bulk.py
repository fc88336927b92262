"""Inserting by arrow-odbc: arrays bound as they are, the fastest way where the driver sends them in bulk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector_odbc import driver_manager
from connector_odbc.database import Database
from connector_odbc.writing.columns import StagedColumn

__all__ = ["BulkWriter"]

CHUNK_BYTES = 64 << 20
TEXT_BYTES = 16 << 20
MARGIN_BYTES = 8 << 10
"""For all of a packet that is no row."""
_compute: Any = pc
_STATE = re.compile(r"State: (\w{5}), Native error: (-?\d+), Message: (.*)", re.DOTALL)


class BulkWriter:
    """A connection of arrow-odbc's of its own, with as much of pyodbc's ways as writing needs: its errors are pyodbc's, too.

    With `autocommit` each statement is committed at once: for tables that nobody reads yet.
    """

    def __init__(self, database: Database, *, autocommit: bool) -> None:
        self._database = database
        self._autocommit = autocommit
        self._module = driver_manager.arrow_odbc()
        self._packet: int | None = None
        text = database.connection_string(**database.profile.writes.options)
        try:
            self._connection = self._module.connect(text, autocommit=autocommit)
            for statement in (*database.session, *database.profile.writes.session):
                self._connection.execute(statement)
        except self._module.Error as error:
            raise database.failure(_as_pyodbc(error), f"preparing to write to {database.place}") from None

    def insert(self, table: str, columns: Sequence[StagedColumn]) -> None:
        """Insert all rows of `columns`. Raises pyodbc's Error; some of them may be there then."""
        quote = self._database.profile.quote
        # A column of 10 MB texts is bound with room for as many of them as a chunk has rows.
        widest = sum(_widest(staged.data.values) for staged in columns)
        rows = len(columns[0].data.values)
        step = max(1, min(rows, CHUNK_BYTES // max(1, widest)))
        batch = pa.RecordBatch.from_arrays([c.data.values for c in columns], names=[quote(c.name) for c in columns])
        for start, length in self._in_packets(columns, rows, step):
            part = batch.slice(start, length)
            reader = pa.RecordBatchReader.from_batches(batch.schema, [part])
            try:
                self._connection.insert_into_table(reader=reader, chunk_size=part.num_rows, table=table)
            except self._module.Error as error:
                raise _as_pyodbc(error) from None
            # The driver takes an error of the class "warning" (a value that an enum does not have) for none.
            if self.execute("SELECT ROW_COUNT()").fetchall()[0][0] != part.num_rows:
                raise self._untold()

    def _in_packets(self, columns: Sequence[StagedColumn], rows: int, step: int) -> list[tuple[int, int]]:
        """The first row and the number of rows of parts of at most `step` rows that the server takes in one packet each.

        Raises pyodbc's Error for a row that is longer: the server would cut the connection for it.
        """
        if self._packet is None:
            self._packet = int(self.execute("SELECT @@max_allowed_packet").fetchall()[0][0])
        sizes = _sizes(columns, rows)
        if rows <= step and _compute.sum(sizes).as_py() <= self._packet // 2:
            return [(0, rows)]
        if _compute.max(sizes).as_py() > self._packet - MARGIN_BYTES:
            raise _error("22001", f"a row longer than the server's max_allowed_packet, {self._packet} bytes", 1153)
        parts, first, filled = list[tuple[int, int]](), 0, 0
        for at, size in enumerate(sizes.to_pylist()):
            if at > first and (at - first == step or filled + size > self._packet // 2):
                parts.append((first, at - first))
                first, filled = at, 0
            filled += size
        return [*parts, (first, rows - first)]

    def execute(self, statement: str, *parameters: object) -> _Rows:
        """Run a statement; what a SELECT finds, in rows that may each have texts of 16 MB. Raises pyodbc's Error."""
        texts = [None if value is None else str(value) for value in parameters] or None
        try:
            if not statement.startswith("SELECT"):
                self._connection.execute(statement, texts)
                return _Rows([])
            reader = self._connection.read_arrow_batches(
                statement,
                batch_size=1,
                parameters=texts,
                max_text_size=TEXT_BYTES,
                max_binary_size=TEXT_BYTES,
                fetch_concurrently=False,
            )
            return _Rows([tuple(row.values()) for batch in reader or () for row in batch.to_pylist()])
        except self._module.Error as error:
            raise _as_pyodbc(error) from None

    def commit(self) -> None:
        """Keep what was done. Raises pyodbc's Error."""
        self._end(self._connection.commit)

    def rollback(self) -> None:
        """Take back what was not committed. Raises pyodbc's Error."""
        self._end(self._connection.rollback)

    def _end(self, how: Any) -> None:
        if self._autocommit:
            return
        try:
            how()
        except self._module.Error as error:
            raise _as_pyodbc(error) from None

    def _untold(self) -> Exception:
        """The error that the driver did not tell of the last insert."""
        found: list[Any] = []
        # A SELECT without a table, as the one before, does not clear them (manual, SHOW WARNINGS).
        for batch in self._connection.read_arrow_batches("SHOW WARNINGS", max_text_size=1024) or ():
            found += batch.to_pylist()
        if not found:
            return _error("22000", "the server did not take it, and told no reason", 0)
        return _error("22000", found[-1]["Message"], found[-1]["Code"])

    def close(self) -> None:
        """Let go of the connection; what was not committed is taken back."""
        if hasattr(self, "_connection"):
            del self._connection


class _Rows:
    """What a statement found."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._rows


def _sizes(columns: Sequence[StagedColumn], rows: int) -> Any:
    """The bytes of each row as they are sent, each value with its length."""
    total: Any = pa.repeat(9 * len(columns), rows)
    for staged in columns:
        if pa.types.is_string(staged.data.values.type) or pa.types.is_binary(staged.data.values.type):
            lengths = _compute.fill_null(_compute.binary_length(staged.data.values), 0)
            total = _compute.add(total, lengths)
    return total


def _widest(values: Any) -> int:
    if not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        return 8
    return int(_compute.max(_compute.binary_length(values)).as_py() or 1)


def _error(state: str, message: str, number: object) -> Exception:
    made: Exception = driver_manager.pyodbc().Error(state, f"[{state}] {' '.join(message.split())} ({number})")
    return made


def _as_pyodbc(error: BaseException) -> Exception:
    found = _STATE.search(str(error))
    if found is None:
        return _error("HY000", str(error), 0)
    state, number, message = found.groups()
    return _error(state, message, number)
