"""The tables that rows wait in until their commit: how they are called, made, found again and dropped.

One table for each piece and stream, ``_connector_stage_<load>_<piece>``, and one for what a REPLACE has not shown yet. Beside the
target's own columns it has some of ours: the ordinal of each row, and what a change says of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connector_odbc.catalogue import Column, Table, TableName
from connector_odbc.database import Connection, Database

__all__ = ["FROM", "KNOWN", "OP", "ORDINAL", "REV", "Stage", "create", "drop", "hidden", "prefix", "quoted", "stage_name"]

PREFIX = "_connector_stage_"
ORDINAL, OP, KNOWN, REV, FROM = (f"_connector_{name}" for name in ("ordinal", "op", "known", "rev", "from"))
OWN = {ORDINAL: "integer", OP: "text", KNOWN: "text", REV: "text", FROM: "moment"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A staging table: whose stream it is, which columns of `target` it has, and how many rows were put there."""

    table: TableName
    target: Table
    columns: tuple[Column, ...]
    before: tuple[Column, ...] = ()

    @property
    def names(self) -> list[str]:
        """All its columns: ours, the target's, and those of the rows as they were."""
        return [*OWN, *(column.name for column in self.columns), *(before_name(column.name) for column in self.before)]


def before_name(name: str) -> str:
    """What the column that has the value before a change is called."""
    return f"_connector_was_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def prefix(load: str) -> str:
    """How the names of all staging tables of a load begin."""
    return f"{PREFIX}{hashlib.sha256(load.encode()).hexdigest()[:16]}_"


def stage_name(load: str, piece: str, stream: str) -> str:
    """The name of one staging table; 50 letters, which every system takes."""
    return prefix(load) + hashlib.sha256(f"{piece}\0{stream}".encode()).hexdigest()[:16]


def quoted(database: Database, name: TableName) -> str:
    """A table's name for SQL, with its schema."""
    quote = database.profile.quote
    return quote(name.name) if name.schema is None else f"{quote(name.schema)}.{quote(name.name)}"


def create(database: Database, connection: Connection, stage: Stage) -> None:
    """Make the staging table, empty; one of the same name is from a try that came to nothing."""
    writes, quote = database.profile.writes, database.profile.quote
    connection.execute(f"DROP TABLE IF EXISTS {quoted(database, stage.table)}")
    target = quoted(database, stage.target.name)
    columns = [f"{target}.{quote(c.name)}" for c in stage.columns]
    columns += [f"{target}.{quote(c.name)} AS {quote(before_name(c.name))}" for c in stage.before]
    everything = [*((c.name, c.native) for c in stage.columns), *((before_name(c.name), c.native) for c in stage.before)]
    statement = writes.stage.format(
        stage=quoted(database, stage.table),
        target=target,
        columns=", ".join(columns),
        own=", ".join(f"CAST(NULL AS {writes.own_types[kind]}) AS {quote(name)}" for name, kind in OWN.items()),
        own_declared=", ".join(f"{quote(name)} {writes.own_types[kind]}" for name, kind in OWN.items()),
        columns_declared=", ".join(f"{quote(name)} {native}" for name, native in everything),
        columns_bare=", ".join(quote(name) for name, _ in everything),
    )
    connection.execute(statement)


def hidden(database: Database, connection: Connection, schema: str | None, load: str) -> list[TableName]:
    """The staging tables of a load that exist."""
    begins = prefix(load)
    if database.profile.catalogue is None:  # by ODBC's own means, in whatever schema the login's tables are made
        names = [name for _, _, name, *_ in connection.cursor().tables().fetchall()]
        return [TableName(schema, name) for name in names if name.startswith(begins)]
    pattern = begins.replace("_", "\\_") if database.profile.name in ("postgresql", "mariadb") else begins
    rows: Sequence[Iterable[str]] = connection.execute(database.profile.writes.hidden, schema or "", f"{pattern}%").fetchall()
    return [TableName(schema, name) for (name,) in rows if name.startswith(begins)]


def drop(database: Database, connection: Connection, tables: Iterable[TableName]) -> None:
    """Take staging tables away."""
    for table in tables:
        connection.execute(f"DROP TABLE IF EXISTS {quoted(database, table)}")
