"""A small database that knows its truth, for the laws and for `connector simulate`: an SQLite file with plausible rows."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.schema import Relation, Stream, describe

from connector_odbc import driver_manager
from connector_odbc.plausible import Row, in_order, is_new, numbers, row, rows
from connector_odbc.profiles import simulated, sqlite
from connector_odbc.profiles.profile import Profile
from connector_odbc.sqlite_names import nameless, without

__all__ = ["SQLITE", "Dialect", "OdbcSimulator", "Place", "SqliteFile"]

_FOLDERS = ("/usr/lib/odbc", *map(str, Path("/usr/lib").glob("*/odbc")), "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")

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


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one database writes values and shows them.

    `text` and `binary` are SQL around ``{hex}``, the digits of a text's UTF-8 or of bytes. `shown_text` and `shown_binary` show
    ``{column}`` in such digits, `other` a number or a time as text, `shown_truth` a truth value where `other` does not.
    `bad` is an SQL value that a number's column holds and should not; None: it holds none. `rename` renames a column.
    """

    profile: Profile
    text: str
    binary: str
    true: str
    false: str
    shown_text: str
    shown_binary: str
    other: str
    shown_truth: str | None = None
    bad: str | None = None
    rename: str = "ALTER TABLE {table} RENAME COLUMN {column} TO {to}"

    def literal(self, value: Any) -> str:
        """A value as SQL; what is not plain ASCII never stands in it."""
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return self.true if value else self.false
        if isinstance(value, int | float):
            return repr(value)
        if isinstance(value, Decimal):
            return f"'{value:f}'"  # bare it is a float to SQLite
        if isinstance(value, bytes):
            return self.binary.format(hex=value.hex())
        if isinstance(value, datetime):
            return f"'{value.isoformat(' ', 'microseconds')}'"
        if isinstance(value, date | time):
            return f"'{value.isoformat()}'"
        return self.text.format(hex=str(value).encode().hex())

    def shown(self, field: pa.Field[pa.DataType]) -> str:
        """What is selected of a column for :func:`_value`."""
        kinds = pa.types
        special = (
            (kinds.is_floating, "{column}"),
            (kinds.is_binary, self.shown_binary),
            (kinds.is_string, self.shown_text),
            (kinds.is_boolean, self.shown_truth or self.other),
        )
        how = next((how for is_kind, how in special if is_kind(field.type)), self.other)
        return how.format(column=self.profile.quote(field.name))


SQLITE = Dialect(
    profile=sqlite.PROFILE,
    text="CAST(x'{hex}' AS TEXT)",
    binary="x'{hex}'",
    true="1",
    false="0",
    shown_text="CASE WHEN {column} IS NOT NULL THEN hex({column}) END",  # of a null it would be empty
    shown_binary="CASE WHEN {column} IS NOT NULL THEN hex({column}) END",
    other="CAST({column} AS TEXT)",
    bad="'no number'",
)


class Place(Protocol):
    """Where a simulator has its tables. `settings` are the connector's, to reach them."""

    dialect: Dialect

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...

    @property
    def settings(self) -> Mapping[str, object]: ...

    def run(self, statements: Sequence[str]) -> None:
        """Run them in one transaction, past the connector."""
        ...

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query returns, past the connector."""
        ...


class SqliteFile:
    """A new SQLite file in a temporary folder. `profile` None: what the connector takes for SQLite."""

    def __init__(self, dialect: Dialect = SQLITE, profile: str | None = None) -> None:
        self.dialect = dialect
        self._profile = profile
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="connector-odbc-"))
        self.run(["PRAGMA user_version = 1"])  # the driver makes no file of its own
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def path(self) -> Path:
        """The file. Raises ConfigError while there is none."""
        if self._folder is None:
            raise ConfigError("the simulator is not running", hint="use it in a with statement")
        return self._folder / "simulated.sqlite"

    @property
    def settings(self) -> Mapping[str, object]:
        more = {} if self._profile is None else {"profile": self._profile}
        return {"driver": _driver(), "database": str(self.path), "schemas": ["main"], **more}

    def run(self, statements: Sequence[str]) -> None:
        with self._connected() as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            yield connection
        finally:
            connection.close()


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
                good.append({field.name: _value(field.type, given) for field, given in zip(found.schema, one, strict=True)})
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


_EXACT = Context(prec=80)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)  # a decimal may well be kept as text


def _value(kind: Any, given: Any) -> Any:
    """The value of what :meth:`Dialect.shown` selected. Raises ValueError for one that is none."""
    kinds = pa.types
    if given is None:
        return None
    if kinds.is_floating(kind):
        return float(given)
    if kinds.is_binary(kind):
        return bytes.fromhex(given)
    if kinds.is_string(kind):
        return bytes.fromhex(given).decode()
    if kinds.is_boolean(kind):
        return str(given).lower() in ("1", "t", "true")
    if kinds.is_integer(kind):
        return int(given)
    if kinds.is_decimal(kind):
        try:
            return Decimal(given).quantize(Decimal(1).scaleb(-kind.scale), context=_EXACT)
        except ArithmeticError:
            raise ValueError(given) from None
    if kinds.is_date(kind):
        return date.fromisoformat(given)
    if kinds.is_time(kind):
        return time.fromisoformat(given)
    moment = datetime.fromisoformat(given)
    if kind.tz is None:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _driver() -> str:
    """SQLite's driver: its registered name, or the library where Debian puts it. Raises ConfigError without one."""
    registered = next((name for lower, name in driver_manager.drivers().items() if "sqlite3" in lower), None)
    if registered is not None:
        return registered
    found = sorted(path for folder in _FOLDERS for path in Path(folder).glob("**/libsqlite3odbc.so"))
    if found:
        return str(found[0])
    raise ConfigError("the simulator wants SQLite's ODBC driver", hint="Debian: apt-get install libsqliteodbc", code="driver")
