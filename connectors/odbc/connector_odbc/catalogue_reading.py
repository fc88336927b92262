"""The tables that a configuration means: which schemas are asked, how, and which of their tables are left out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from fnmatch import fnmatchcase

from connector_sdk.errors import ConfigError

from connector_odbc.catalogue import Table, TableName
from connector_odbc.database import Connection, Database
from connector_odbc.known_tables import marks
from connector_odbc.native_catalogue import native_tables
from connector_odbc.odbc_catalogue import odbc_tables
from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["named", "tables"]

logger = logging.getLogger(__name__)

OURS = "_connector_"
"""How the names of our own tables begin: checkpoints, staging, captured changes. They are no streams."""


def tables(database: Database, only: Sequence[str] | None = None) -> dict[str, Table]:
    """The tables and views that are streams, by stream name; of those `only` the ones called so.

    A stream is called as its table where that is in the login's own schema, ``schema.table`` elsewhere. A table or view
    without columns (one that no longer works) is left out and logged. Raises ConfigError for a schema that cannot be told,
    TransientError.
    """
    queries = database.profile.catalogue
    together = database.known.asking if queries is not None and queries.marks is not None else nullcontext()
    with together, database.lend() as connection:
        if queries is None:
            found = _by_odbc(database, connection, only)
        else:
            known = None if only is None else database.known.still(connection, queries, only)
            if known is not None:
                return known
            found = _natively(database, connection, queries)
    wanted = {name: table for name, table in found.items() if only is None or name in only}
    for name, table in wanted.items():
        if not table.columns:
            logger.warning("%s has no columns that could be read: no stream", name)
    return {name: table for name, table in wanted.items() if table.columns}


def _natively(database: Database, connection: Connection, queries: CatalogueSql) -> Mapping[str, Table]:
    current = current_schema(database, connection)
    schemas: Sequence[str | None] = database.config.schemas or [current]
    if None in schemas:
        raise ConfigError(
            f"the login on {database.place} has no current {_word(database)}", hint="name it: `database`, or `schemas`"
        )
    names = [str(schema) for schema in schemas]
    before = marks(connection, queries, names)
    found = named(database, (table for name in names for table in native_tables(connection, queries, name)), current)
    database.known.learn({name: table for name, table in found.items() if table.columns}, before)
    return found


def _by_odbc(database: Database, connection: Connection, only: Sequence[str] | None) -> Mapping[str, Table]:
    current = current_schema(database, connection)
    schemas: Sequence[str | None] = database.config.schemas or [current]
    names = [name.removeprefix(f"{current}.") for name in only] if only and schemas == [current] else None
    return named(database, (table for schema in schemas for table in odbc_tables(connection, schema, names)), current)


def current_schema(database: Database, connection: Connection) -> str | None:
    """The schema whose tables need no qualification; None where there is no such thing."""
    query = database.profile.current_schema
    row = None if query is None else connection.execute(query).fetchone()
    return None if row is None or row[0] is None else str(row[0]).strip()


def named(database: Database, found: Iterable[Table], current: str | None) -> Mapping[str, Table]:
    """`found` by stream name, without those that the configuration leaves out, in the order they were found."""
    config, streams = database.config, dict[str, Table]()
    for table in found:
        if table.name.name.startswith(OURS):
            continue
        name = stream_name(table.name, current)
        if name in streams:  # a table "a.b" beside a table b of the schema a
            name = ".".join(map(database.profile.quote, filter(None, (table.name.schema, table.name.name))))
        if (not config.tables or _matches(name, config.tables)) and not _matches(name, config.exclude):
            streams[name] = table
    return streams


def stream_name(name: TableName, current: str | None) -> str:
    """How the stream of a table is called."""
    return name.name if name.schema is None or name.schema == current else f"{name.schema}.{name.name}"


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _word(database: Database) -> str:
    return "database" if database.profile.name == "mariadb" else "schema"
