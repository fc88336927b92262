"""The opened database: connections that are lent to whoever reads or writes, each with the session its profile wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from connector_sdk.errors import ConfigError, ConnectorError, TransientError

from connector_odbc import driver_manager, installed, profiles
from connector_odbc.config import OdbcConfig
from connector_odbc.connection_string import connection_string, rendered
from connector_odbc.failures import failure, server_message, sql_state
from connector_odbc.known_tables import KnownTables
from connector_odbc.profiles import generic
from connector_odbc.profiles.profile import Profile

__all__ = ["Connection", "Database"]

Connection = Any
"""A ``pyodbc.Connection``: pyodbc ships no types that are found."""


class Database:
    """One database as one configuration reaches it. Usable from several threads; a connection that is lent is its borrower's."""

    def __init__(self, config: OdbcConfig) -> None:
        self.config = config
        self.known = KnownTables()
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False
        self._profile: Profile | None = None  # once a connection has told

    @property
    def profile(self) -> Profile:
        """The profile of the driver that the configuration means, or of the system behind it, for which this may have to connect.

        Raises ConfigError or TransientError.
        """
        if self._profile is None:
            if self._known is not generic.PROFILE or self.config.profile is not None:
                return self._known
            with self.lend():
                pass
        return self._profile or self._known

    @cached_property
    def _known(self) -> Profile:
        """The profile as far as it is known without a connection."""
        return profiles.find(self.config, connection_string(self.config))

    @cached_property
    def place(self) -> str:
        """The database in words, for messages."""
        parts = connection_string(self.config)
        server = parts.get("SERVER") or parts.get("SERVERNAME") or parts.get("HOST") or parts.get("SYSTEM") or ""
        name = parts.get("DATABASE") or parts.get("DB") or parts.get("DBQ") or parts.get("DSN") or ""
        return "/".join(part for part in (server, name) if part) or self._known.title

    @property
    def session(self) -> tuple[str, ...]:
        """The statements that a new connection begins with, limits of time among them."""
        profile, waits = self._profile or self._known, []
        limits = ((profile.lock_timeout, self.config.timeout), (profile.query_timeout, self.config.query_timeout))
        for statements, seconds in limits:
            if seconds is not None:
                waits += [statement.format(**_numbers(seconds)) for statement in statements]
        return (*profile.session, *waits)

    def connection_string(self, **options: str) -> str:
        """The whole connection string, with the password in it; `options` count where neither the configuration nor the
        data source gives any."""
        parts = connection_string(self.config)
        there = installed.data_source(parts["DSN"]) if "DSN" in parts else {}
        profile = self._profile or self._known
        own = {name: value.format(**_numbers(self.config.timeout)) for name, value in profile.options.items()}
        more = {name: value for name, value in {**own, **options}.items() if name.upper() not in there}
        return rendered(connection_string(self.config, more))

    def connect(self, *, autocommit: bool = False, **options: str) -> Connection:
        """A new connection of one's own. Raises ConfigError or TransientError."""
        connection = self._log_in(autocommit, options)
        if self._profile is None:
            try:
                self._profile = self._verified(connection)
            except BaseException:
                connection.close()
                raise
            if self._profile is not self._known:  # with the options of the right one
                connection.close()
                connection = self._log_in(autocommit, options)
        try:
            for statement in self.session:
                connection.execute(statement)
            if not autocommit:
                connection.commit()
        except driver_manager.pyodbc().Error as error:
            connection.close()
            raise self.failure(error, f"preparing a session on {self.place}") from None
        return connection

    def _log_in(self, autocommit: bool, options: Mapping[str, str]) -> Connection:
        pyodbc = driver_manager.pyodbc()
        text = self.connection_string(**options)
        try:
            connection = pyodbc.connect(text, autocommit=autocommit, timeout=max(1, round(self.config.timeout)))
        except pyodbc.Error as error:
            raise self._not_connected(error) from None
        if self.config.query_timeout is not None:
            with suppress(pyodbc.Error):  # psqlodbc has no such attribute: its profile has a statement for it
                connection.timeout = max(1, round(self.config.query_timeout))
        return connection

    def _not_connected(self, error: BaseException) -> ConnectorError:
        state, parts = sql_state(error), connection_string(self.config)
        found = self.failure(error, f"connecting to {self.place}")
        if state in ("01000", "IM002", "IM003") and "DSN" not in parts:
            names = ", ".join(sorted(driver_manager.drivers().values())) or "none"
            found.message = f"the ODBC driver {parts.get('DRIVER')!r} cannot be loaded: {server_message(error)}"
            found.hint = f"installed are: {names}; a driver can also be given by the path of its library"
        elif state == "IM002":
            names = ", ".join(sorted(driver_manager.pyodbc().dataSources())) or "none"
            found.message = f"there is no data source {parts['DSN']!r}"
            found.hint = f"odbc.ini has: {names}"
        return found

    def _verified(self, connection: Connection) -> Profile:
        pyodbc = driver_manager.pyodbc()
        try:
            system = str(connection.getinfo(pyodbc.SQL_DBMS_NAME))
        except pyodbc.Error:  # an old driver
            return self._known
        return profiles.verified(self.config, self._known, system)

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
            raise self._broken(error, f"working on {self.place}") from None
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

    @contextmanager
    def own(self, doing: str, *, autocommit: bool = False, **options: str) -> Iterator[Connection]:
        """A new connection of one's own, closed in the end; database errors that leave the block become the SDK's own."""
        connection = self.connect(autocommit=autocommit, **options)
        try:
            yield connection
        except driver_manager.pyodbc().Error as error:
            raise self._broken(error, doing) from None
        finally:
            with suppress(driver_manager.pyodbc().Error):
                connection.close()

    def _broken(self, error: BaseException, doing: str) -> ConnectorError:
        """As :meth:`failure`; where the connection was cut, what is idle is let go of: a server that cuts one cuts them all."""
        found = self.failure(error, doing)
        if isinstance(found, TransientError):
            self._let_go()
        return found

    def _let_go(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(driver_manager.pyodbc().Error):
                connection.close()

    def failure(self, error: BaseException, doing: str, *, stream: str | None = None) -> ConnectorError:
        """The SDK's error for `error`, by the profile's reading of it."""
        return failure(error, doing, (self._profile or self._known).errors, stream=stream)

    def close(self) -> None:
        """Close what is idle; what is lent closes when it comes back."""
        with self._lock:
            self._closed = True
        self._let_go()


def _numbers(seconds: float) -> dict[str, int]:
    return {"seconds": max(1, round(seconds)), "milliseconds": max(1, round(seconds * 1000))}
