"""Streams from a catalogue: what each table or view offers, in the SDK's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
from connector_sdk.changes import BEFORE_TOLD
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Mode, Relation, Stream, WriteMode, describe

from connector_odbc import catalogue_reading
from connector_odbc.catalogue import Column, Table, TableName
from connector_odbc.changes import before_told, changes_offered
from connector_odbc.changes.watermark import overlap_of
from connector_odbc.config import TableConfig
from connector_odbc.cursor_candidates import candidates
from connector_odbc.database import Database
from connector_odbc.row_keys import row_keys

__all__ = ["COMPUTED", "discover", "schema_of", "stream_of"]

COMPUTED = "generated"
"""What the field of a column says to have as its default when the database computes it, and takes no other value."""

_WITH_KEYS = frozenset({WriteMode.UPSERT, WriteMode.APPLY, WriteMode.HISTORY})
_WITHOUT = frozenset({WriteMode.APPEND, WriteMode.REPLACE})


def discover(database: Database, only: Sequence[str] | None = None) -> Iterator[Stream]:
    """The streams of `database`; those in `only`. Raises ConfigError for what the configuration says wrong of one."""
    # A relation leads to a stream that exists, and `only` does not make the others disappear.
    everything = catalogue_reading.tables(database)
    names = {table.name: name for name, table in everything.items()}
    for name, table in everything.items():
        if only is None or name in only:
            yield stream_of(database, name, table, names)


def stream_of(database: Database, name: str, table: Table, names: dict[TableName, str]) -> Stream:
    """The stream called `name` of `table`; `names` has every stream's name, for relations."""
    settings = database.config.streams.get(name, TableConfig())
    _check(name, table, settings)
    keys, how = row_keys(table, settings)
    reads = {Mode.FULL}
    if settings.cursor is not None:
        reads.add(Mode.INCREMENTAL)
    schema = schema_of(database, table)
    if keys and not table.view and changes_offered(database, table):
        reads.add(Mode.CHANGES)
        if before_told(database, table):
            schema = schema.with_metadata({BEFORE_TOLD: b"1"})
    return Stream(
        name=name,
        schema=schema,
        keys=keys,
        cursor=settings.cursor,
        reads=frozenset(reads),
        repeats=_repeats(database, table, settings),
        writes=frozenset() if table.view else _WITHOUT | (_WITH_KEYS if keys else frozenset()),
        relations=tuple(_relations(table, names)),
        namespace=table.name.schema,
        doc=" ".join(filter(None, [table.doc, how, None if settings.cursor else _advice(table)])) or None,
        rows=table.rows,
    )


def _repeats(database: Database, table: Table, settings: TableConfig) -> frozenset[Mode | WriteMode]:
    again = settings.cursor is not None and overlap_of(database, table, settings) > 0
    return frozenset({Mode.INCREMENTAL} if again else ())


def schema_of(database: Database, table: Table) -> pa.Schema:
    """The Arrow schema of `table`: a field for each column, with its native type and its comment."""
    return pa.schema([_field(database, column) for column in table.columns])


def _field(database: Database, column: Column) -> pa.Field[pa.DataType]:
    typed = database.profile.typed(column)
    doc = ". ".join(part.rstrip(".") for part in (column.doc, typed.note) if part) or None
    if column.generated:
        default: str | None = COMPUTED
    else:
        default = "identity" if column.identity else None if column.nullable else column.default
    return describe(column.name, typed.type, nullable=column.nullable, native=column.native, doc=doc, default=default)


def _check(name: str, table: Table, settings: TableConfig) -> None:
    known = {column.name for column in table.columns}
    for what, given in (("keys", settings.keys or ()), ("cursor", [settings.cursor]), ("version", [settings.version])):
        for column in given:
            if column is not None and column not in known:
                raise ConfigError(
                    f"streams.{name}.{what}: {table.name} has no column {column!r}",
                    hint=f"it has {', '.join(sorted(known)[:20])}",
                    stream=name,
                )


def _relations(table: Table, names: dict[TableName, str]) -> Iterator[Relation]:
    for key in table.foreign:
        if key.to in names:
            yield Relation(columns=key.columns, to=names[key.to], to_columns=key.to_columns)


def _advice(table: Table) -> str | None:
    """A sentence for the user where a column looks like one that tells the latest change."""
    found = next((candidate for candidate in candidates(table) if candidate.updates), None)
    if found is None:
        return None
    slow = "" if found.indexed else ", though no index leads with it"
    return f"If {found.column} grows with every change it can be the cursor of incremental reads{slow}."
