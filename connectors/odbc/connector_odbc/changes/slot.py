"""The replication slot and the publication of one configuration: what they are called, how they fare, what they cover."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector_sdk.errors import ConfigError, StateInvalidError

from connector_odbc.catalogue import TableName
from connector_odbc.database import Connection, Database

__all__ = ["Identity", "Slot", "find", "flushed", "identities", "lsn", "name_of", "number", "published"]


@dataclass(frozen=True, kw_only=True)
class Slot:
    """`confirmed` is the position behind which it has everything, `retained` the bytes of log that are kept for it."""

    name: str
    confirmed: int
    retained: int
    active: bool
    wal_status: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the log tells of a row that was: `kind` is pg_class.relreplident, `columns` those of its index."""

    oid: int
    kind: str
    partitioned: bool
    columns: tuple[str, ...]
    types: Mapping[str, tuple[int, int]]

    def tells(self, keys: Sequence[str]) -> bool:
        """Whether `keys` of an updated or deleted row are in the log."""
        return self.kind == "f" or (bool(self.columns) and set(keys) <= set(self.columns))


def number(text: str) -> int:
    """A position in the log from PostgreSQL's notation. Raises ValueError."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn(position: int) -> str:
    """A position in the log as PostgreSQL writes it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def name_of(database: Database, connection: Connection) -> str:
    """The name of the slot and of the publication: slots of all databases of a server share one space of names."""
    here = str(connection.execute("SELECT current_database()").fetchone()[0])
    plain = re.sub(r"[^a-z0-9_]", "_", here.lower())
    name = f"{database.config.capture}_{plain}"
    if plain == here and len(name) <= 63:
        return name
    return f"{name[:54]}_{hashlib.sha256(here.encode()).hexdigest()[:8]}"


def find(connection: Connection, name: str, *, begun: bool) -> Slot:
    """The slot called `name`. Raises ConfigError where there is none, or StateInvalidError where reading from it has `begun`, and
    where the server has thrown away log that it needs."""
    row = connection.execute(
        "SELECT confirmed_flush_lsn::text, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::int8, active::int4, "
        "coalesce(wal_status, '') FROM pg_replication_slots WHERE slot_name = ? AND database = current_database()",
        name,
    ).fetchone()
    if row is None:
        kind = StateInvalidError if begun else ConfigError
        raise kind(
            f"there is no replication slot {name!r}" + (" any more" if begun else ""),
            hint="connector capture install makes one" + ("; then reset the state" if begun else ""),
        )
    if row[3] == "lost" or row[0] is None:
        raise StateInvalidError(
            f"the server has thrown away log that the replication slot {name!r} needs (max_slot_wal_keep_size)",
            hint="connector capture remove, connector capture install, then reset the state",
        )
    return Slot(name=name, confirmed=number(row[0]), retained=int(row[1]), active=bool(row[2]), wal_status=row[3])


def flushed(connection: Connection) -> int:
    """Where the log stands."""
    return number(connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()[0])


def published(connection: Connection, name: str) -> frozenset[TableName]:
    """The tables of the publication called `name`."""
    rows = connection.execute("SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = ?", name).fetchall()
    return frozenset(TableName(schema, table) for schema, table in rows)


def identities(connection: Connection, names: Sequence[TableName]) -> dict[TableName, Identity]:
    """What the log tells of the rows of these tables; those that do not exist are left out."""
    found: dict[TableName, Identity] = {}
    columns: dict[TableName, list[str]] = {}
    types: dict[TableName, dict[str, tuple[int, int]]] = {}
    for schema in {name.schema for name in names}:
        rows = connection.execute(_IDENTITIES, schema).fetchall()
        for table, oid, kind, partitioned, column, type_, modifier, part in rows:
            name = TableName(schema, table)
            types.setdefault(name, {})[column] = (int(type_), int(modifier))
            columns.setdefault(name, []).extend([column] if part else [])
            found[name] = Identity(oid=int(oid), kind=kind, partitioned=bool(partitioned), columns=(), types={})
    return {
        name: Identity(oid=one.oid, kind=one.kind, partitioned=one.partitioned, columns=tuple(columns[name]), types=types[name])
        for name, one in found.items()
        if name in set(names)
    }


_IDENTITIES = """
SELECT c.relname, c.oid::int8, c.relreplident::text, (c.relkind = 'p')::int4, a.attname, a.atttypid::int8, a.atttypmod,
       coalesce(a.attnum = ANY (x.indkey), false)::int4
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid
  AND CASE c.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident ELSE false END
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ?)"""
