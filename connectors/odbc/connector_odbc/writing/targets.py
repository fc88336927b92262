"""The tables that a load writes to, as the catalogue has them now, and which of their columns take part."""

from __future__ import annotations

import threading

from connector_sdk.errors import ConfigError, ConnectorError, SchemaDriftError
from connector_sdk.schema import Stream

from connector_odbc import catalogue_reading, driver_manager
from connector_odbc.catalogue import Column, Table, TableName
from connector_odbc.database import Database

__all__ = ["Targets"]


class Targets:
    """Looks each table up once; `forget` when it has been altered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables: dict[str, Table] = {}
        self._lock = threading.Lock()
        self._current: str | None = None

    def table(self, stream: str) -> Table:
        """The table of a stream. Raises SchemaDriftError when there is none."""
        with self._lock:
            if stream not in self._tables:
                found = catalogue_reading.tables(self._database, [stream])
                if stream not in found:
                    raise SchemaDriftError(f"there is no table {stream!r} in {self._database.place}", stream=stream)
                self._tables[stream] = found[stream]
            return self._tables[stream]

    def columns(self, stream: Stream) -> tuple[Column, ...]:
        """The columns of the fields of `stream`, in their order. Raises SchemaDriftError for fields without one."""
        table = self.table(stream.name)
        known = {column.name: column for column in table.columns}
        missing = tuple(name for name in stream.schema.names if name not in known)
        if missing:
            raise SchemaDriftError(
                f"table {table.name} has no column {', '.join(map(repr, missing))}", fields=missing, stream=stream.name
            )
        generated = tuple(name for name in stream.schema.names if known[name].generated)
        if generated:
            raise SchemaDriftError(
                f"column {', '.join(map(repr, generated))} of {table.name} is made by the database and cannot be written",
                fields=generated,
                hint="write rows without it; a copy leaves it out with --columns",
                stream=stream.name,
            )
        return tuple(known[name] for name in stream.schema.names)

    def check(self, stream: str) -> None:
        """Raises ConfigError for a table that takes no row back: what a cut load wrote would stay, and come again."""
        query = self._database.profile.writes.no_transactions
        if query is None:
            return
        table = self.table(stream)
        with self._database.lend() as connection:
            found = connection.execute(query, table.name.schema, table.name.name).fetchall()
        if found:
            raise ConfigError(
                f"table {table.name} is kept by the engine {found[0][0]}, which has no transactions",
                hint="ALTER TABLE … ENGINE=InnoDB, or write to another table",
                stream=stream,
            )

    def home(self) -> str | None:
        """The login's own schema, where checkpoints and staging tables are."""
        if self._current is None:
            with self._database.lend() as connection:
                self._current = catalogue_reading.current_schema(self._database, connection)
        return self._current

    def named(self, stream: str) -> TableName:
        """The table that a stream of this name is to be made as. Raises ConfigError where its schema is not known."""
        schema, dot, name = stream.partition(".")
        if dot and schema in self._database.config.schemas:
            return TableName(schema, name)
        home = self.home()
        if home is None and self._has_schemas():
            raise ConfigError(
                f"the schema that {stream!r} is to be made in is not known",
                hint="list it in `schemas`, and write to schema.table",
                stream=stream,
            )
        return TableName(home, stream)

    def _has_schemas(self) -> bool:
        pyodbc = driver_manager.pyodbc()
        try:
            with self._database.lend() as connection:
                return bool(connection.getinfo(pyodbc.SQL_SCHEMA_USAGE) & 1)  # SQL_SU_DML_STATEMENTS
        except ConnectorError:
            return False

    def forget(self, stream: str) -> None:
        """Look `stream` up again."""
        with self._lock:
            self._tables.pop(stream, None)
