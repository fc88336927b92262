"""One snapshot for all splits of a plan: exported by a transaction that stays open as long as the connector does."""

from __future__ import annotations

import logging
import threading

from connector_sdk.errors import ConfigError, ConnectorError, DataError, TransientError

from connector_odbc import driver_manager
from connector_odbc.bulk import BulkReader
from connector_odbc.database import Connection, Database

__all__ = ["Snapshots"]

logger = logging.getLogger(__name__)


class Snapshots:
    """The snapshots that plans of one opened connector have exported."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, Connection] = {}
        self._lock = threading.Lock()

    def export(self) -> str | None:
        """The name of a snapshot of now, which other sessions can adopt until :meth:`close`; None where there is none."""
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
        self._held[name] = connection
        return name

    def begin(self, name: str | None, stream: str) -> tuple[str, ...]:
        """The statements that open a reading transaction in the snapshot called `name`; said in the log where it is lost."""
        reads = self._database.profile.reads
        if name is None or not reads.adopt:
            return reads.begin
        adopting = (*reads.begin, *(statement.format(snapshot=name.replace("'", "''")) for statement in reads.adopt))
        if self._lives(name):
            return adopting
        try:
            with BulkReader(self._database, adopting):
                return adopting
        except TransientError:
            raise
        except (ConfigError, DataError, ConnectorError):
            logger.warning("the snapshot that reading %s began with is gone: its other splits show another moment", stream)
            return reads.begin

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
