"""One snapshot for all splits of a plan: exported by a transaction that stays open as long as the connector does."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from connector_sdk.errors import ConfigError, ConnectorError, DataError, TransientError

from connector_odbc import driver_manager
from connector_odbc.bulk import BulkReader
from connector_odbc.catalogue import TableName
from connector_odbc.database import Connection, Database

__all__ = ["Snapshots"]

logger = logging.getLogger(__name__)

MOST_IDLE = 8
"""Snapshots that are held though nothing is being read in them. Each is a session, and keeps the server from tidying up."""


class Snapshots:
    """The snapshots that plans of one opened connector have exported: the latest, and all that are being read in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, Connection] = {}  # the one that was begun to be read in last is the last
        self._read: Counter[str] = Counter()
        self._lock = threading.Lock()

    def export(self) -> str | None:
        """The name of a snapshot of now, which other sessions can adopt until it is given up; None where there is none."""
        reads = self._database.profile.reads
        if reads.snapshot is None:
            return None
        connection = self._database.connect()
        try:
            for statement in reads.begin:
                connection.execute(statement)
            name = str(connection.execute(reads.snapshot).fetchone()[0])
        except driver_manager.pyodbc().Error as error:
            connection.close()
            logger.warning("no snapshot for all splits: %s", self._database.failure(error, "exporting one"))
            return None
        with self._lock:
            self._held[name] = connection
            idle = [held for held in self._held if not self._read[held]]
            given_up = [self._held.pop(one) for one in idle[:-MOST_IDLE]]
        for one in given_up:
            one.close()
        return name

    @contextmanager
    def reading(self, name: str | None) -> Iterator[None]:
        """Meanwhile the snapshot called `name` is not given up, however many plans are made."""
        if name is None:
            yield
            return
        with self._lock:
            self._read[name] += 1
            if name in self._held:
                self._held[name] = self._held.pop(name)
        try:
            yield
        finally:
            with self._lock:
                self._read -= Counter([name])

    def begin(self, name: str | None, stream: str, *, places: bool) -> tuple[str, ...]:
        """The statements that open a reading transaction in the snapshot called `name`; said in the log where it is lost.

        `places`: the rows are told apart by where they lie.
        """
        reads = self._database.profile.reads
        if name is None or not reads.adopt:
            return reads.begin
        adopting = self._adopting(name)
        if self._lives(name):
            return adopting
        try:
            with BulkReader(self._database, adopting):
                return adopting
        except TransientError:
            raise
        except (ConfigError, DataError, ConnectorError):
            lost = ", and have lost rows that were updated meanwhile, or have them twice: it has no key" if places else ""
            logger.warning(
                "the snapshot that reading %s began with is gone: its other splits show another moment%s", stream, lost
            )
            return reads.begin

    def shows(self, name: str | None, table: TableName) -> bool:
        """Whether the snapshot called `name` still shows the rows of `table`; said in the log where it does not.

        To be asked by whoever reads the table already: from then on nobody else writes it anew.
        """
        files = self._database.profile.reads.files
        if name is None or files is None:
            return True
        asked = files, table.schema, table.name
        with self._within(name) as then, self._database.lend() as now:
            if then.execute(*asked).fetchone() == now.execute(*asked).fetchone():
                return True
        logger.warning("%s was written anew since its reading began: what is left of it shows another moment", table)
        return False

    @contextmanager
    def _within(self, name: str) -> Iterator[Connection]:
        """A session in the snapshot called `name`."""
        held = self._held.get(name)
        if held is not None:
            with self._lock:
                yield held
            return
        with self._database.own("adopting a snapshot") as connection:
            for statement in self._adopting(name):
                connection.execute(statement)
            yield connection

    def _adopting(self, name: str) -> tuple[str, ...]:
        reads = self._database.profile.reads
        return (*reads.begin, *(statement.format(snapshot=name.replace("'", "''")) for statement in reads.adopt))

    def close(self) -> None:
        """Give them up."""
        held, self._held = self._held, {}
        for connection in held.values():
            connection.close()

    def _lives(self, name: str) -> bool:
        """Whether the transaction that shows it is one of ours, and still there: then it need not be tried by another session."""
        connection = self._held.get(name)
        if connection is None:
            return False
        with self._lock:
            try:
                connection.execute(self._database.profile.probe).fetchall()
            except driver_manager.pyodbc().Error:
                return False
        return True
