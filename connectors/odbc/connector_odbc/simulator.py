"""A small database that knows its truth, for the laws and for `connector simulate`: an SQLite file with plausible rows."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from connector_sdk.schema import Relation, Stream, describe

from connector_odbc.plausible import Row, in_order, is_new, numbers, row, rows
from connector_odbc.profiles import simulated
from connector_odbc.simulator_dialect import SQLITE, Dialect, value_of
from connector_odbc.simulator_place import Place, SqliteFile
from connector_odbc.sqlite_names import nameless, without

__all__ = ["OdbcSimulator"]

STREAMS: Mapping[str, Stream] = {
    "customers": Stream(
        name="customers",
        schema=pa.schema(
            [
                describe("id", pa.int64(), nullable=False, native="bigint"),
                describe("name", pa.string(), native="TEXT"),
                describe("since", pa.date32(), native="date"),
                describe("active", pa.bool_(), native="boolean"),
            ]
        ),
        keys=("id",),
    ),
    "orders": Stream(
        name="orders",
        schema=pa.schema(
            [
                describe("id", pa.int64(), nullable=False, native="bigint"),
                describe("customer", pa.int64(), nullable=False, native="bigint"),
                describe("total", pa.decimal128(12, 2), native="decimal text(12,2)"),
                describe("note", pa.string(), native="TEXT"),
                describe("weight", pa.float64(), native="double"),
                describe("changed", pa.timestamp("us"), native="timestamp"),
            ]
        ),
        keys=("id",),
        relations=(Relation(columns=("customer",), to="customers", to_columns=("id",)),),
    ),
    "readings": Stream(
        name="readings",
        schema=pa.schema(
            [
                describe("station", pa.string(), nullable=False, native="TEXT"),
                describe("taken", pa.timestamp("us"), native="timestamp"),
                describe("value", pa.float64(), native="double"),
                describe("raw", pa.binary(), native="BLOB"),
            ]
        ),
    ),
}


class OdbcSimulator:
    """The tables of `streams`, a generated package's, with rows that keep keys and relations; without it three of our own.

    Cyclic references are null where they may be. Where another database's types are simulated, SQLite keeps them exactly
    (:mod:`connector_odbc.profiles.simulated`); its views are tables here. `left_out` says of tables that SQLite cannot have why.
    """

    def __init__(self, seed: int = 0, streams: Mapping[str, Stream] | None = None, place: Place | None = None) -> None:
        self._seed = seed
        self.left_out = {} if streams is None or place is not None else nameless(streams)
        self._streams = without(STREAMS if streams is None else streams, self.left_out)
        other = Dialect(**{**vars(SQLITE), "profile": simulated.PROFILE})
        self._place: Place = place or (SqliteFile() if streams is None else SqliteFile(other, simulated.PROFILE.name))
        self._stack = ExitStack()
        self._index: Path | None = None
        self._numbers = numbers(self._streams)
        self._next = {name: taken.stop for name, taken in self._numbers.items()}
        self._first: Mapping[str, list[Row]] = {}
        # The kit's own rows are more awkward, but their references lead nowhere and their texts are as long as they like.
        self.sample = None if streams is None else self._plausible

    def __enter__(self) -> Self:
        self._stack.enter_context(self._place)
        self._index = Path(tempfile.mkdtemp(prefix="connector-odbc-index-"))
        self._stack.callback(shutil.rmtree, self._index, ignore_errors=True)
        order = in_order(self._streams)
        self._first = made = rows(self._streams, self._numbers, self._seed)
        self._place.run([self._created(self._streams[name]) for name in order])
        self._place.run([self._insert(name, one) for name in order for one in made[name]])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._stack.close()

    @property
    def config(self) -> Mapping[str, object]:
        return {
            **self._place.settings,
            "batch_rows": 20,
            "split_rows": 60,
            "index": str(self._index),
            "max_change": None,
        }

    @property
    def streams(self) -> tuple[str, ...]:
        """Where keys have so few values that there is none for a row more, the laws cannot write: those tables are only there."""
        return tuple(name for name in self._streams if self._numbers[name].start)

    def rows(self, stream: str) -> pa.Table:
        """What the table holds now, read past the connector; rows with a value that is none are left out."""
        found = self._streams[stream]
        shown = ", ".join(self._dialect.shown(field) for field in found.schema)
        good: list[Row] = []
        for one in self._place.query(f"SELECT {shown} FROM {self._quote(stream)}"):
            try:
                good.append({field.name: value_of(field.type, given) for field, given in zip(found.schema, one, strict=True)})
            except ValueError:
                continue
        return pa.Table.from_pylist(good, schema=found.schema)

    def change(self, seed: int) -> None:
        """In one transaction: rows come in every table; with a key, others change, and some that nobody refers to go."""
        rng = random.Random(f"{self._seed}/{seed}")  # noqa: S311 - sample data
        statements: list[str] = []
        there = {name: self.rows(name).to_pylist() for name in self._streams}
        for name in in_order(self._streams):
            stream = self._streams[name]
            if stream.keys:
                statements += self._changed(stream, there, rng, seed)
            for number in range(self._next[name], self._next[name] + rng.randrange(3, 7)):
                self._next[name] = number + 1
                fresh = row(stream, number, self._seed, there)
                if is_new(stream, fresh, there[name]):
                    there[name].append(fresh)
                    statements.append(self._insert(name, fresh))
        self._place.run(statements)

    def corrupt(self, stream: str) -> bytes:
        """A number's column gets a text, which SQLite allows."""
        found, bad = self._streams[stream], self._dialect.bad
        numbers = [field for field in found.schema if field.name not in found.keys and _is_number(field.type)]
        if bad is None:
            raise NotImplementedError(f"a column of {self._dialect.profile.title} holds nothing but its own type")
        if not numbers:
            raise NotImplementedError(f"no column of {stream} is a number")
        table, column = self._quote(stream), self._quote(numbers[-1].name)
        self._place.run([f"UPDATE {table} SET {column} = {bad} WHERE rowid = (SELECT max(rowid) / 2 FROM {table})"])
        return b"text 'no number'"

    def alter(self, stream: str) -> tuple[str, ...]:
        """The last column has another name from now on."""
        last = self._streams[stream].schema.names[-1]
        where = {"table": self._quote(stream), "column": self._quote(last), "to": self._quote(f"{last}_renamed")}
        self._place.run([self._dialect.rename.format(**where)])
        return (last,)

    def _changed(self, stream: Stream, there: Mapping[str, list[Row]], rng: random.Random, seed: int) -> list[str]:
        """Statements that change and delete rows, as they also do to `there`."""
        held, statements = there[stream.name], list[str]()
        taken = {
            (tuple(relation.to_columns), tuple(child[column] for column in relation.columns))
            for other in self._streams.values()
            for relation in other.relations
            if relation.to == stream.name
            for child in there[other.name]
        }
        wanted = {columns for columns, _ in taken}
        for one in rng.sample(held, min(4, len(held))):
            free = not any((columns, tuple(one[column] for column in columns)) in taken for columns in wanted)
            if free and len(held) > 1 and rng.random() < 0.5:
                held.remove(one)
                statements.append(f"DELETE FROM {self._quote(stream.name)} WHERE {self._is(stream, one)}")
                continue
            fixed = {*stream.keys, *(c for r in stream.relations for c in r.columns), *(c for columns in wanted for c in columns)}
            fresh = row(stream, rng.randrange(10**6), seed, there)
            settings = {name: value for name, value in fresh.items() if name not in fixed}
            if settings:
                listed = ", ".join(f"{self._quote(name)} = {self._dialect.literal(value)}" for name, value in settings.items())
                statements.append(f"UPDATE {self._quote(stream.name)} SET {listed} WHERE {self._is(stream, one)}")
                one |= settings
        return statements

    def _is(self, stream: Stream, one: Row) -> str:
        return " AND ".join(f"{self._quote(key)} = {self._dialect.literal(one[key])}" for key in stream.keys)

    def _plausible(self, stream: str, number: int, seed: int) -> Row:
        """A row that the table can hold: it refers to rows that were there at first."""
        return row(self._streams[stream], number, seed, self._first)

    @property
    def _dialect(self) -> Dialect:
        return self._place.dialect

    def _quote(self, name: str) -> str:
        return self._dialect.profile.quote(name)

    def _created(self, stream: Stream) -> str:
        profile, parts = self._dialect.profile, list[str]()
        for field in stream.schema:
            key = field.name in stream.keys
            declared = profile.writes.declared(
                field.remove_metadata(), key=key, keys=[stream.schema.field(name) for name in stream.keys]
            ).type
            parts.append(f"{self._quote(field.name)} {declared}{'' if field.nullable else ' NOT NULL'}")
        if stream.keys:
            parts.append(f"PRIMARY KEY ({', '.join(map(self._quote, stream.keys))})")
        for relation in stream.relations if isinstance(self._place, SqliteFile) else ():
            own, theirs = (", ".join(map(self._quote, columns)) for columns in (relation.columns, relation.to_columns))
            parts.append(f"FOREIGN KEY ({own}) REFERENCES {self._quote(relation.to)} ({theirs})")
        return f"CREATE TABLE {self._quote(stream.name)} ({', '.join(parts)})"

    def _insert(self, stream: str, one: Row) -> str:
        columns = ", ".join(map(self._quote, one))
        return f"INSERT INTO {self._quote(stream)} ({columns}) VALUES ({', '.join(map(self._dialect.literal, one.values()))})"


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)  # a decimal may well be kept as text
