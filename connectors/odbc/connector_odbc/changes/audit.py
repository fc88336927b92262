"""An audit table: how it is called, what it has of its own, and how its rows become changes of its stream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from connector_sdk import changes
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.schema import Stream

from connector_odbc import driver_manager
from connector_odbc.catalogue import Column, Table, TableName
from connector_odbc.changes import unheld
from connector_odbc.changes.order.order import Step
from connector_odbc.config import TableConfig
from connector_odbc.database import Connection, Database
from connector_odbc.fetching import Fetch
from connector_odbc.profiles.changes import Captured
from connector_odbc.profiles.profile import Profile
from connector_odbc.row_keys import row_keys
from connector_odbc.selecting import Query
from connector_odbc.way import Part, Way, way

__all__ = ["Audit", "Mark", "Read", "called", "captured"]

SEQ, OP, AT = "_connector_seq", "_connector_op", "_connector_at"
MARK = -1
"""The number of the one row that is no change: its note tells the token of this capture, and what was let go."""

LONGEST = 40
"""Characters of a table's name that are part of other names as they are; PostgreSQL's names have 63 bytes."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """`token` is of one installation alone: a state of another one does not go on. `purged` is the position that was let go."""

    token: str
    purged: Any | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """Changes of a step, and the number of the last row that was read for them."""

    data: pa.RecordBatch
    rejects: pa.RecordBatch | None
    number: int | None


def captured(database: Database, stream: str, table: Table) -> Captured:
    """The table with the names of what captures it. Raises ConfigError for one without a key."""
    keys, _ = row_keys(table, database.config.streams.get(stream, TableConfig()))
    if not keys:
        raise ConfigError(
            f"{table.name} has no key by which its changes could be told",
            hint=f"declare one: streams.{stream}.keys",
            stream=stream,
        )
    profile = database.profile
    unique = {index.columns for index in table.indexes if index.unique and set(index.columns) != set(keys)}
    if table.primary and set(table.primary) != set(keys):
        unique.add(table.primary)
    return replace(
        called(profile, table.name),
        columns=tuple((profile.quote(column.name), column) for column in table.columns),
        keys=tuple(map(profile.quote, keys)),
        unique=tuple(tuple(map(profile.quote, names)) for names in sorted(unique)),
    )


def called(profile: Profile, table: TableName) -> Captured:
    """The names of what captures a table, whether it is there or not; no columns, and no keys."""
    own = table.name
    if len(own) > LONGEST or not own.isascii():
        own = f"{own.encode('ascii', 'ignore').decode()[:24]}_{hashlib.sha256(own.encode()).hexdigest()[:12]}"
    here = "" if table.schema is None else f"{profile.quote(table.schema)}."
    return Captured(
        title=table.name,
        here=here,
        table=here + profile.quote(table.name),
        audit=here + profile.quote(f"_connector_changes_{own}"),
        name=lambda word: profile.quote(f"_connector_{word}_{own}"),
        columns=(),
        keys=(),
    )


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The audit table of one stream."""

    database: Database
    stream: Stream
    name: str

    @classmethod
    def of(cls, database: Database, stream: Stream, table: Table) -> Audit:
        """That of `table`."""
        return cls(database=database, stream=stream, name=captured(database, stream.name, table).audit)

    def mark(self, connection: Connection) -> Mark:
        """Its mark. Raises ConfigError where it has been removed."""
        try:
            # In the form that rows are read in: drivers garble long text.
            note = self.database.profile.reads.as_rows.format(expression="_connector_note")
            row = connection.execute(f"SELECT {note} FROM {self.name} WHERE _connector_seq = {MARK}").fetchone()
            connection.rollback()
        except driver_manager.pyodbc().Error as error:
            failure = self.database.failure(error, f"reading {self.name}", stream=self.stream.name)
            if not isinstance(failure, ConfigError | SchemaDriftError):
                raise failure from None
            row = None
        if row is None:
            raise ConfigError(
                f"the triggers that capture the changes of {self.stream.name!r} have been removed",
                hint="connector capture install, and begin anew",
                stream=self.stream.name,
            )
        return Mark(**json.loads(row[0]))

    def keep(self, connection: Connection, mark: Mark) -> None:
        """Change its mark."""
        note = json.dumps(vars(mark))  # of tokens and numbers: it has no quote; bound, a driver would garble it when it is long
        connection.execute(f"UPDATE {self.name} SET _connector_note = '{note}' WHERE _connector_seq = {MARK}")

    def read(self, step: Step) -> Generator[Read, None, None]:
        """The changes of one step, in the order of their numbers. Raises SchemaDriftError, TransientError."""
        found = self._way()
        fetch = Fetch(
            database=self.database,
            way=found,
            condition=Query(f"_connector_seq >= 0 AND ({step.condition})"),
            begin=self.database.profile.reads.begin,
            upto=None if step.upto is None else (str(step.upto),),
        )
        for one in unheld.batches(fetch, None if step.after is None else (str(step.after),)):
            yield Read(data=self._changes(one.data), rejects=one.rejects, number=None if one.at is None else int(one.at[0]))

    def _way(self) -> Way:
        profile = self.database.profile
        source = way(self.database, self.stream)  # raises SchemaDriftError
        own = [(column, profile.typed(column)) for column in _own(profile)]
        seq, typed = own[0]
        bind = profile.reads.key(seq)
        assert bind is not None
        fields = [pa.field(column.name, how.type) for column, how in own]
        schema = pa.schema([*fields, *(field.with_nullable(True) for field in self.stream.schema)])
        return Way(
            stream=Stream(name=self.stream.name, schema=schema),
            table=source.table,
            source=self.name,
            columns=(*own, *source.columns),
            places={**source.places, **{column.name: profile.quote(column.name) for column, _ in own}},
            order=(Part(name=SEQ, place=profile.quote(SEQ), typed=typed, bind=bind),),
        )

    def check(self, connection: Connection) -> None:
        """Raises SchemaDriftError for a column that was added to the table since its triggers were written."""
        found = connection.execute(f"SELECT * FROM {self.name} WHERE 1 = 0")
        kept = {column[0].lower() for column in found.description}
        connection.rollback()
        missing = tuple(name for name in self.stream.schema.names if name.lower() not in kept)
        if missing:
            raise SchemaDriftError(
                f"the triggers of {self.stream.name!r} do not know its columns {', '.join(missing)}",
                fields=missing,
                hint="connector capture remove, capture install, and begin anew",
                stream=self.stream.name,
            )

    def _changes(self, data: pa.RecordBatch) -> pa.RecordBatch:
        schema = self.stream.schema
        ops: list[Any] = data.column(OP).to_pylist()
        numbers: list[Any] = data.column(SEQ).to_pylist()
        keys = [schema.get_field_index(key) for key in self.stream.keys]
        known: Sequence[Sequence[int] | None] = [{"d": keys, "t": list[int]()}.get(op) for op in ops]
        rows = pa.RecordBatch.from_arrays([data.column(name) for name in schema.names], schema=schema)
        moments: Any = data.column(AT)
        return changes.build(
            rows,
            ops,
            pos=[number.to_bytes(8, "big") for number in numbers],
            ts=moments,
            known=known,
        )


def _own(profile: Profile) -> tuple[Column, ...]:
    assert profile.changes.triggers is not None
    seq, op, at = profile.changes.triggers.types
    return (
        Column(name=SEQ, native=seq, kind=seq, nullable=False),
        Column(name=OP, native=op, kind=op, length=1, nullable=False),
        Column(name=AT, native=at, kind=at, precision=6),
    )
