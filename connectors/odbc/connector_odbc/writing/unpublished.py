"""Rows inserted straight into their table, in a transaction that only their checkpoint commits: nothing is written twice."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connector_sdk.contract import Batch, Load
from connector_sdk.errors import TransientError
from connector_sdk.rejects import Budget, Reject
from connector_sdk.schema import Stream, WriteMode

from connector_odbc import driver_manager
from connector_odbc.database import Connection, Database
from connector_odbc.writing.arrays import array_insert
from connector_odbc.writing.bulk import BulkWriter
from connector_odbc.writing.columns import StagedColumn
from connector_odbc.writing.connections import Writers
from connector_odbc.writing.landing import Landing, in_parts
from connector_odbc.writing.savepoint import savepoint
from connector_odbc.writing.staging import quoted
from connector_odbc.writing.targets import Targets

__all__ = ["Unpublished", "UnpublishedPiece"]

PARTS_OF_A_SMALL_LOAD = 3
"""Fewer are not worth that the server is made ready for many."""


@dataclass
class UnpublishedPiece:
    """One piece in its transaction. `written`: it waits for its commit."""

    id: str
    connection: Any
    database: Database
    targets: Targets
    budget: Budget
    written: bool = False

    def __post_init__(self) -> None:
        self._landings: dict[str, Landing] = {}
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="inserting")
        self._at_work: deque[Future[None]] = deque()
        self._parts = 0
        self._failed = False

    def add(self, stream: Stream, batch: Batch) -> None:
        """Insert the rows of a batch. Raises DataError over the budget, and ConnectorErrors of the database."""
        columns = self.targets.columns(stream)
        landing = self._landings.get(stream.name)
        if landing is None:
            target = self.targets.table(stream.name).name
            landing = Landing(
                self.database,
                stream.name,
                target,
                f"writing to {target}",
                self.budget,
                lambda part: self._insert(quoted(self.database, target), part),
                self._carry,
            )
            self._landings[stream.name] = landing
        for rows in in_parts(batch.data):
            landing.land(rows, [(c.name, c, values) for c, values in zip(columns, rows.columns, strict=True)])

    def finish(self) -> None:
        """Everything is inserted. Raises as :meth:`add` does."""
        while self._at_work:
            self._at_work.popleft().result()

    def stop(self) -> None:
        """Nothing is being inserted any more."""
        self._hand.shutdown(wait=True, cancel_futures=True)

    def _carry(self, work: Callable[[], None]) -> None:
        """While the server takes one part, the next waits already, and another is encoded, and its rows are fetched."""
        while len(self._at_work) > 1:
            self._at_work.popleft().result()
        self._at_work.append(self._hand.submit(self._next, work))

    def _next(self, work: Callable[[], None]) -> None:
        if self._failed:
            return  # nothing is inserted behind a part that was not, whose error is told first
        self._failed = True
        work()
        self._failed = False

    @property
    def rejects(self) -> list[Reject]:
        """The rows that were refused."""
        return [reject for landing in self._landings.values() for reject in landing.rejects]

    def _insert(self, table: str, columns: Sequence[StagedColumn]) -> Callable[[], None]:
        made = None if isinstance(self.connection, BulkWriter) else array_insert(self.database, table, columns)

        def insert() -> None:
            with savepoint(self.connection, self.database.profile.writes):
                if made is None:
                    self.connection.insert(table, columns)
                else:
                    self._warm_up()
                    made.run(self.connection)

        return insert

    def _warm_up(self) -> None:
        self._parts += 1
        warm_up = self.database.profile.warm_up
        if self._parts == PARTS_OF_A_SMALL_LOAD and warm_up is not None:
            self.connection.execute(warm_up).fetchall()


class Unpublished:
    """The piece of this process that is inserted directly: one at a time, since one transaction commits one checkpoint."""

    def __init__(self, database: Database, writers: Writers, targets: Targets) -> None:
        self._database = database
        self._writers = writers
        self._targets = targets
        self._lock = threading.Lock()
        self._piece: UnpublishedPiece | None = None
        self._bulk: BulkWriter | None = None

    def begin(self, load: Load, budget: Budget) -> UnpublishedPiece | None:
        """A new piece; None where its rows have to be staged: another one is under way, or `load` does more than append.

        Rows that refer to others of the load may have to wait for them, and are staged, too.
        """
        if load.mode is not WriteMode.APPEND or self._database.profile.writes.way == "rows" or self._refer(load):
            return None
        with self._lock:
            if self._piece is not None:
                return None
            self._piece = piece = UnpublishedPiece(uuid.uuid4().hex, None, self._database, self._targets, budget)
        try:
            piece.connection = self._connection()
        except BaseException:
            piece.stop()
            self._piece = None
            raise
        return piece

    def _refer(self, load: Load) -> bool:
        tables = [self._targets.table(stream.name) for stream in load.streams]
        names = {table.name for table in tables}
        return any(foreign.to in names for table in tables for foreign in table.foreign)

    def _connection(self) -> Connection | BulkWriter:
        if self._database.profile.writes.way != "bulk":
            return self._writers.take()
        bulk, self._bulk = self._bulk, None
        return bulk or BulkWriter(self._database, autocommit=False)

    @contextmanager
    def publish(self, piece_id: str, doing: str) -> Iterator[Connection]:
        """The connection of a piece, to commit it together with its checkpoint; rolled back when that comes to nothing.

        Raises TransientError with the code ``staging_lost`` when it is not there any more.
        """
        with self._lock:
            piece = self._piece
        if piece is None or piece.id != piece_id:
            raise TransientError("rows that were written are gone: their transaction has ended", code="staging_lost")
        usable = True
        try:
            yield piece.connection
        except driver_manager.pyodbc().Error as error:
            failure = self._database.failure(error, doing)
            usable = not isinstance(failure, TransientError)
            raise failure from None
        finally:
            self.end(piece, usable)

    def end(self, piece: UnpublishedPiece, usable: bool = True) -> None:
        """Take back what is not committed, and make room for the next; a connection that is not `usable` is closed."""
        with self._lock:
            if self._piece is not piece:
                return
            self._piece = None
        piece.stop()
        connection = piece.connection
        if not isinstance(connection, BulkWriter):
            self._writers.give_back(connection, usable)
            return
        try:
            connection.rollback()
        except driver_manager.pyodbc().Error:
            usable = False
        if usable:
            self._bulk = connection
        else:
            self._writers.close()  # a server that cut one has cut them all
            connection.close()

    def forget(self) -> bool:
        """Take back a piece that is written and whose commit has not come; whether there was one.

        Its commit then raises TransientError with the code ``staging_lost``.
        """
        piece = self._piece
        if piece is None or not piece.written:
            return False
        self.end(piece)
        return True

    def close(self) -> None:
        """Take back what is not committed, and let go of the connections."""
        if self._piece is not None:
            self.end(self._piece)
        bulk, self._bulk = self._bulk, None
        if bulk is not None:
            bulk.close()
