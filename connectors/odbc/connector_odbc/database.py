"""The opened database: connections that are lent to whoever reads or writes, each with the session its profile wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from connector_sdk.errors import ConfigError, ConnectorError, TransientError

from connector_odbc import driver_manager, profiles
from connector_odbc.config import OdbcConfig
from connector_odbc.connection_string import connection_string, rendered
from connector_odbc.failures import failure
from connector_odbc.profiles.profile import Profile

__all__ = ["Connection", "Database"]

Connection = Any
"""A ``pyodbc.Connection``: pyodbc ships no types that are found."""


class Database:
    """One database as one configuration reaches it. Usable from several threads; a connection that is lent is its borrower's."""

    def __init__(self, config: OdbcConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    @cached_property
    def profile(self) -> Profile:
        """The profile of the driver that the configuration names; the generic one where none knows it."""
        return profiles.find(self.config, connection_string(self.config))

    @cached_property
    def place(self) -> str:
        """The database in words, for messages."""
        parts = connection_string(self.config)
        server = parts.get("SERVER") or parts.get("SERVERNAME") or parts.get("HOST") or ""
        name = parts.get("DATABASE") or parts.get("DB") or parts.get("DSN") or ""
        return "/".join(part for part in (server, name) if part) or self.profile.title

    def connection_string(self, **options: str) -> str:
        """The whole connection string, with the password in it; `options` count where the configuration gives none."""
        return rendered(connection_string(self.config, {**self.profile.options, **options}))

    def connect(self, *, autocommit: bool = False, **options: str) -> Connection:
        """A new connection of one's own. Raises ConfigError or TransientError."""
        pyodbc = driver_manager.pyodbc()
        try:
            connection = pyodbc.connect(
                self.connection_string(**options), autocommit=autocommit, timeout=max(1, round(self.config.timeout))
            )
        except pyodbc.Error as error:
            raise failure(error, f"connecting to {self.place}", self.profile.errors) from None
        with suppress(pyodbc.Error):  # not every driver has a query timeout
            if self.config.query_timeout is not None:
                connection.timeout = max(1, round(self.config.query_timeout))
        try:
            for statement in self.profile.session:
                connection.execute(statement)
            if not autocommit:
                connection.commit()
        except pyodbc.Error as error:
            connection.close()
            raise self.failure(error, f"preparing a session on {self.place}") from None
        return connection

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """A connection, in a transaction of its own that is rolled back unless the borrower commits it.

        Database errors that leave the block become the SDK's own; so does one that an iterator over rows raises in it.
        """
        with self._lock:
            if self._closed:
                raise ConfigError(f"the connector to {self.place} is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self.connect()
        clean = False
        try:
            yield connection
            clean = True
        except ConnectorError as error:
            clean = not isinstance(error, TransientError)
            raise
        except driver_manager.pyodbc().Error as error:
            raise self.failure(error, f"working on {self.place}") from None
        finally:
            self._give_back(connection, clean)

    def _give_back(self, connection: Connection, clean: bool) -> None:
        if clean:
            try:
                connection.rollback()
            except driver_manager.pyodbc().Error:
                clean = False
        with self._lock:
            if clean and not self._closed:
                self._idle.append(connection)
                return
        with suppress(driver_manager.pyodbc().Error):
            connection.close()

    def failure(self, error: BaseException, doing: str, *, stream: str | None = None) -> ConnectorError:
        """The SDK's error for `error`, by the profile's reading of it."""
        return failure(error, doing, self.profile.errors, stream=stream)

    def close(self) -> None:
        """Close what is idle; what is lent closes when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(driver_manager.pyodbc().Error):
                connection.close()
