"""Connections that write: with the profile's options for it, one at a time where the system has only one writer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from connector_sdk.errors import TransientError

from connector_odbc import driver_manager
from connector_odbc.database import Connection, Database

__all__ = ["Writers"]


class Writers:
    """Lends connections in a transaction that is rolled back unless the borrower commits it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._turn: AbstractContextManager[object] = threading.RLock() if database.profile.writes.one_writer else nullcontext()

    def turn(self) -> AbstractContextManager[object]:
        """Held around everything that writes, where only one connection may at a time."""
        return self._turn

    @contextmanager
    def lend(self, doing: str) -> Iterator[Connection]:
        """A connection; errors of the driver become the SDK's, saying that they happened while `doing`."""
        try:
            with self.lend_raw() as connection:
                yield connection
        except driver_manager.pyodbc().Error as error:
            raise self._database.failure(error, doing) from None

    @contextmanager
    def lend_raw(self) -> Iterator[Connection]:
        """A connection; errors of the driver pass as they are."""
        connection = self.take()
        usable = True
        try:
            yield connection
        except driver_manager.pyodbc().Error as error:
            # One that is cut may still say that it rolls back.
            usable = not isinstance(self._database.failure(error, "writing"), TransientError)
            raise
        finally:
            self.give_back(connection, usable)

    def take(self) -> Connection:
        """A connection, for :meth:`give_back`. Raises ConfigError or TransientError."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        return self._connect() if connection is None else connection

    def give_back(self, connection: Connection, usable: bool = True) -> None:
        """Roll back what is not committed, and keep the connection for the next borrower where it is `usable`."""
        pyodbc = driver_manager.pyodbc()
        try:
            connection.rollback()
        except pyodbc.Error:
            usable = False
        if usable:
            with self._lock:
                self._idle.append(connection)
            return
        self.close()  # a server that cut one has cut them all
        with suppress(pyodbc.Error):
            connection.close()

    def _connect(self) -> Connection:
        writes = self._database.profile.writes
        pyodbc = driver_manager.pyodbc()
        connection = self._database.connect(autocommit=False, **writes.options)
        try:
            if writes.narrow:
                for kind in (pyodbc.SQL_CHAR, pyodbc.SQL_WCHAR):
                    connection.setdecoding(kind, encoding="utf-8", ctype=pyodbc.SQL_CHAR)
                connection.setencoding(encoding="utf-8", ctype=pyodbc.SQL_CHAR)
            for statement in writes.session:
                connection.execute(statement)
            connection.commit()
        except pyodbc.Error as error:
            connection.close()
            raise self._database.failure(error, f"preparing to write to {self._database.place}") from None
        return connection

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(driver_manager.pyodbc().Error):
                connection.close()
