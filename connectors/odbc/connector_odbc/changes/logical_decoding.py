"""PostgreSQL's logical decoding over plain SQL: a publication says which tables, a slot keeps what was not read yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Mode, Stream, Where

from connector_odbc import catalogue_reading, driver_manager
from connector_odbc.catalogue import Table, TableName
from connector_odbc.changes import handover, slot
from connector_odbc.changes.logical_log import LogicalLog, position_at
from connector_odbc.config import TableConfig
from connector_odbc.database import Connection, Database
from connector_odbc.row_keys import row_keys

__all__ = ["ABOUT", "ack", "before_told", "install", "installed", "plan", "read", "remove", "status"]

ABOUT = (
    "PostgreSQL's log: every committed change in the order of the commits, deletes and truncations included, with the row as it "
    "was under REPLICA IDENTITY FULL. Not seen: generated columns, rows that ALTER TABLE rewrites, and partitions that are "
    "detached, dropped or truncated by themselves. The server keeps its log until reads are acknowledged."
)


def installed(database: Database) -> frozenset[TableName]:
    """The tables of the publication."""
    with database.lend() as connection:
        return slot.published(connection, slot.name_of(database, connection))


def plan(database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
    """One split of all streams, for there is one slot. Raises ConfigError where the log would not say which row was deleted."""
    with database.lend() as connection:
        tables = catalogue_reading.tables(database, [stream.name for stream in streams])
        known = slot.identities(connection, [table.name for table in tables.values()])
    for stream in streams:
        identity = known.get(tables[stream.name].name) if stream.name in tables else None
        if identity is None or not identity.tells(stream.keys):
            raise ConfigError(
                f"the log does not tell the keys ({', '.join(stream.keys)}) of rows deleted from {stream.name}",
                hint="ALTER TABLE … REPLICA IDENTITY FULL, or connector capture install",
                stream=stream.name,
            )
        table = tables[stream.name]
        made = [column.name for column in table.columns if column.generated and column.name in stream.schema.names]
        if made:
            raise ConfigError(
                f"the log does not tell the generated columns of {stream.name}: {', '.join(made)}",
                hint="read the other columns only",
                stream=stream.name,
            )
    split = Split(
        id="log",
        streams=tuple(streams),
        mode=Mode.CHANGES,
        spec={"method": "log"},
        left={stream.name: where[stream.name] for stream in streams if where.get(stream.name)},
    )
    return [split]


def read(database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The changes after `state`; from no state, the rows first."""
    return handover.read(database, split, state, until, LogicalLog(database, split))


def ack(database: Database, split: Split, state: State) -> None:
    """The server may throw away log before `state`, and no more than that."""
    wanted = position_at(handover.position_of(split, state))
    with database.lend() as connection:
        name = slot.name_of(database, connection)
        found = slot.find(connection, name, begun=True)
        if found.confirmed < wanted <= slot.flushed(connection):
            connection.execute("SELECT pg_catalog.pg_replication_slot_advance(?, CAST(? AS pg_lsn))", name, slot.lsn(wanted))
            connection.commit()


def install(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """The publication, then the slot. Raises ConfigError where the server does not decode its log, or a table has no keys."""
    with database.lend() as connection:
        name = slot.name_of(database, connection)
        _decodes(connection)
        there = slot.published(connection, name)
        known = slot.identities(connection, [table.name for table in tables.values()])
        new = {stream: table for stream, table in tables.items() if table.name not in there}
        statements = [
            statement for stream, table in new.items() for statement in _identity(database, stream, table, known.get(table.name))
        ]
        publication = database.profile.quote(name)
        exists = connection.execute("SELECT 1 FROM pg_publication WHERE pubname = ?", name).fetchone()
        if new:
            listed = ", ".join(_source(database, table) for table in new.values())
            statements.append(
                f"ALTER PUBLICATION {publication} ADD TABLE {listed}"
                if exists
                else f"CREATE PUBLICATION {publication} FOR TABLE {listed} WITH (publish_via_partition_root = true)"
            )
        has_slot = connection.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = ?", name).fetchone()
    if (new or exists) and not has_slot:
        statements.append(f"SELECT pg_catalog.pg_create_logical_replication_slot('{name}', 'pgoutput')")
    return statements if dry_run else _run(database, statements, "connector capture install")


def remove(database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
    """The tables leave the publication; with the last of them it goes, and the slot. A replica identity stays as it is."""
    with database.lend() as connection:
        name = slot.name_of(database, connection)
        there = slot.published(connection, name)
        row = connection.execute("SELECT active::int4 FROM pg_replication_slots WHERE slot_name = ?", name).fetchone()
    publication = database.profile.quote(name)
    mine = {stream: table for stream, table in tables.items() if table.name in there}
    if there - {table.name for table in mine.values()}:
        listed = ", ".join(_source(database, table) for table in mine.values())
        statements = [f"ALTER PUBLICATION {publication} DROP TABLE {listed}"] if mine else []
    else:
        statements = [f"SELECT pg_catalog.pg_drop_replication_slot('{name}')"] if row else []
        statements += [f"DROP PUBLICATION IF EXISTS {publication}"]
    return statements if dry_run else _run(database, statements, "connector capture remove")


def status(database: Database, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Of each table: the slot, its log in bytes that is kept, how far it is behind, and what is wrong."""
    with database.lend() as connection:
        name = slot.name_of(database, connection)
        known = slot.identities(connection, [table.name for table in tables.values()])
        shared: dict[str, Any] = {"slot": name}
        try:
            found = slot.find(connection, name, begun=False)
        except Exception as error:  # of a slot that is lost or gone, that is what there is to say
            if isinstance(error, driver_manager.pyodbc().Error):
                raise
            shared["problem"] = str(error)
        else:
            behind = slot.flushed(connection) - found.confirmed
            shared |= {"acknowledged": slot.lsn(found.confirmed), "behind_bytes": behind, "retained_bytes": found.retained}
            shared |= {"wal_status": found.wal_status, "being_read": found.active}
            if found.retained > database.config.retained_mb << 20:
                shared["problem"] = (
                    f"the server keeps {found.retained >> 20} MB of log: read and acknowledge, or remove the capture"
                )
    return [
        {"stream": stream, **shared, "before_images": table.name in known and known[table.name].kind == "f"}
        for stream, table in tables.items()
    ]


def before_told(database: Database) -> frozenset[TableName]:
    """The captured tables of which the log tells what rows were."""
    with database.lend() as connection:
        there = slot.published(connection, slot.name_of(database, connection))
        known = slot.identities(connection, sorted(there)) if there else {}
        return frozenset(name for name, identity in known.items() if identity.kind == "f")


def _decodes(connection: Connection) -> None:
    level, may = connection.execute(
        "SELECT current_setting('wal_level'), (rolsuper OR rolreplication)::int4 FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if level != "logical":
        raise ConfigError(
            f"the server writes its log with wal_level = {level}: changes cannot be decoded from it",
            hint="ALTER SYSTEM SET wal_level = 'logical', then restart the server",
        )
    if not may:
        raise ConfigError(
            "the login may not use replication slots",
            hint="ALTER ROLE … REPLICATION (on hosted servers: GRANT rds_replication, or the like)",
        )


def _identity(database: Database, stream: str, table: Table, identity: slot.Identity | None) -> list[str]:
    """What makes the log tell the keys of rows that are deleted. Raises ConfigError where there are none."""
    keys, _ = row_keys(table, database.config.streams.get(stream, TableConfig()))
    if identity is None or not keys:
        raise ConfigError(
            f"{table.name} has no keys: the log could not say which of its rows was deleted"
            if identity
            else f"{table.name} has no log",
            hint="add a primary key, or name `keys` in streams" if identity else "leave it out by `exclude`",
            stream=stream,
        )
    if identity.tells(keys):
        return []
    if identity.partitioned:
        raise ConfigError(
            f"{table.name} is partitioned and its replica identity is not its keys",
            hint="make them its primary key",
            stream=stream,
        )
    return [f"ALTER TABLE {_source(database, table)} REPLICA IDENTITY FULL"]


def _source(database: Database, table: Table) -> str:
    return ".".join(database.profile.quote(part) for part in (table.name.schema, table.name.name) if part is not None)


def _run(database: Database, statements: list[str], doing: str) -> list[str]:
    """Each by itself and committed: a slot is not made in a transaction that has written."""
    connection = database.connect(autocommit=True)
    try:
        for statement in statements:
            connection.execute(statement)
    except driver_manager.pyodbc().Error as error:
        raise database.failure(error, doing) from None
    finally:
        connection.close()
    return statements
