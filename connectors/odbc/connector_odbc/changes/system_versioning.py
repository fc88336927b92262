"""MariaDB's system-versioned tables: the history that they keep by transactions, read in the order of the commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc import catalogue_reading, driver_manager
from connector_odbc.catalogue import Table, TableName
from connector_odbc.changes import handover
from connector_odbc.changes.transactions import Seen
from connector_odbc.changes.version_log import END, START, VersionLog
from connector_odbc.config import TableConfig
from connector_odbc.database import Connection, Database
from connector_odbc.row_keys import row_keys

__all__ = ["ABOUT", "ack", "install", "installed", "plan", "read", "remove", "status"]

ABOUT = (
    "MariaDB's own history of the table, by transactions: every row as each committed transaction left it, in the order of the "
    "commits, deletes and cascades of foreign keys included. Not seen: what a transaction did to a row before its last change of "
    "it. The history grows until it is deleted; TRUNCATE is refused, and ALTER TABLE wants system_versioning_alter_history=KEEP."
)


def installed(database: Database) -> frozenset[TableName]:
    """The tables with a history that is kept by transactions under our names."""
    with database.lend() as connection:
        current = catalogue_reading.current_schema(database, connection)
        schemas = database.config.schemas or [current or ""]
        places = ", ".join("?" for _ in schemas)  # named, for else the server opens every table that it has
        rows = connection.execute(
            f"SELECT table_schema, table_name FROM information_schema.columns WHERE table_schema IN ({places}) "
            "AND column_name = ? AND generation_expression = 'ROW START' AND data_type = 'bigint'",
            *schemas,
            START,
        ).fetchall()
    return frozenset(TableName(schema, table) for schema, table in rows)


def plan(database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
    """A split for each stream."""
    return [
        Split(
            id=f"{stream.name}/versions",
            streams=(stream,),
            mode=Mode.CHANGES,
            spec={"method": "versions"},
            left={stream.name: where[stream.name]} if where.get(stream.name) else {},
        )
        for stream in streams
    ]


def read(database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The changes after `state`; from no state, the rows first."""
    return handover.read(database, split, state, until, VersionLog(database, split))


def ack(database: Database, split: Split, state: State) -> None:
    """With `purge_history`, what ended before `state` is deleted; else nothing happens."""
    seen = Seen.of(handover.position_of(split, state))
    if not database.config.purge_history or seen.pending:  # another time, when nobody is late
        return
    with database.lend() as connection:
        row = connection.execute(
            "SELECT CAST(transaction_id AS CHAR(20)) FROM mysql.transaction_registry "
            f"WHERE commit_id <= {seen.upto} ORDER BY commit_id DESC LIMIT 1"
        ).fetchone()
        if row is not None:
            source = _source(database, split.streams[0].namespace, _table_of(database, split.streams[0]))
            connection.execute(f"DELETE HISTORY FROM {source} BEFORE SYSTEM_TIME TRANSACTION {int(row[0])}")
            connection.commit()


def install(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """A history by transactions, with an index on its beginnings and ends. Raises ConfigError where there can be none."""
    there = installed(database)
    new = {stream: table for stream, table in tables.items() if table.name not in there}
    statements: list[str] = []
    with database.lend() as connection:
        _may(database, connection)
        for stream, table in new.items():
            _check(database, connection, stream, table)
            statements.append(_altered(database, table))
    return statements if dry_run else _run(database, statements, "connector capture install")


def remove(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """The history goes, and the columns that it was kept in."""
    quote, there = database.profile.quote, installed(database)
    statements = [
        f"ALTER TABLE {_source(database, table.name.schema, table.name.name)} DROP SYSTEM VERSIONING, "
        f"DROP PERIOD FOR SYSTEM_TIME, DROP COLUMN {quote(START)}, DROP COLUMN {quote(END)}"
        for table in tables.values()
        if table.name in there
    ]
    if statements:
        statements.insert(0, "SET SESSION system_versioning_alter_history = 'KEEP'")
    return statements if dry_run else _run(database, statements, "connector capture remove")


def status(database: Database, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Of each table: the past versions that it keeps, and the last moment of its history."""
    found = []
    with database.lend() as connection:
        for stream, table in tables.items():
            source, end = _source(database, table.name.schema, table.name.name), database.profile.quote(END)
            past = f"FROM {source} FOR SYSTEM_TIME ALL WHERE {end} < 18446744073709551615"
            count = int(connection.execute(f"SELECT count(*) {past}").fetchone()[0])
            row = connection.execute(
                "SELECT CAST(commit_timestamp AS CHAR(26)) FROM mysql.transaction_registry "
                f"WHERE transaction_id = (SELECT max({end}) {past})"
            ).fetchone()
            found.append({"stream": stream, "past_versions": count, "latest": None if row is None else row[0]})
    return found


def _may(database: Database, connection: Connection) -> None:
    """Raises ConfigError where the login cannot see which transactions there are, TransientError."""
    for query, privilege in (
        ("SELECT 1 FROM mysql.transaction_registry LIMIT 1", "SELECT ON mysql.transaction_registry"),
        ("SELECT 1 FROM information_schema.innodb_trx LIMIT 1", "PROCESS ON *.*"),
    ):
        try:
            connection.execute(query).fetchall()
        except driver_manager.pyodbc().Error as error:
            failure = database.failure(error, "reading the order of commits")
            if isinstance(failure, ConfigError):
                failure.hint = f"GRANT {privilege} TO the login"
            raise failure from None


def _check(database: Database, connection: Connection, stream: str, table: Table) -> None:
    keys, _ = row_keys(table, database.config.streams.get(stream, TableConfig()))
    if not keys:
        raise ConfigError(f"{table.name} has no keys", hint="add a primary key, or name `keys` in streams", stream=stream)
    if table.versioned:
        raise ConfigError(
            f"{table.name} keeps a history by timestamps: it does not tell the order of the commits, nor what is committed late",
            hint="ALTER TABLE … DROP SYSTEM VERSIONING first, or capture it by triggers (method=triggers)",
            stream=stream,
        )
    row = connection.execute(
        "SELECT engine FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
        table.name.schema,
        table.name.name,
    ).fetchone()
    if row is None or str(row[0]).lower() != "innodb":
        raise ConfigError(
            f"{table.name} is kept by {row and row[0]}: only InnoDB keeps a history by transactions",
            hint="ALTER TABLE … ENGINE = InnoDB, or exclude it",
            stream=stream,
        )


def _altered(database: Database, table: Table) -> str:
    quote = database.profile.quote
    start, end = quote(START), quote(END)
    return (
        f"ALTER TABLE {_source(database, table.name.schema, table.name.name)} "
        f"ADD COLUMN {start} bigint unsigned GENERATED ALWAYS AS ROW START INVISIBLE, "
        f"ADD COLUMN {end} bigint unsigned GENERATED ALWAYS AS ROW END INVISIBLE, "
        f"ADD PERIOD FOR SYSTEM_TIME ({start}, {end}), ADD SYSTEM VERSIONING, ADD INDEX ({start}), ADD INDEX ({end})"
    )


def _table_of(database: Database, stream: Stream) -> str:
    """The table's own name: a stream's may have its schema in front."""
    return stream.name.removeprefix(f"{stream.namespace}.")


def _source(database: Database, schema: str | None, name: str) -> str:
    return ".".join(database.profile.quote(part) for part in (schema, name) if part is not None)


def _run(database: Database, statements: Sequence[str], doing: str) -> list[str]:
    """Each by itself: MariaDB commits DDL by itself."""
    connection = database.connect(autocommit=True)
    try:
        for statement in statements:
            connection.execute(statement)
    except driver_manager.pyodbc().Error as error:
        raise database.failure(error, doing) from None
    finally:
        connection.close()
    return list(statements)
