"""Typed access to single tables: what the ``tables.py`` of a generated package is made of.

The package has the data (which table, which class, which key); what is done with it is here::

    class Tables(TableSet):
        orders = TableOf("orders", Order, int)

    with Tables(connector_sdk.open("shop")) as shop:
        shop.orders.get(1)          # Order | None
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

from connector_sdk.errors import ConfigError
from connector_sdk.runtime.session import Session
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Compare, Scalar, Stream, Where, WriteMode, default_of

from connector_odbc.discovery import COMPUTED

__all__ = ["NoKey", "Table", "TableOf", "TableSet"]

Row = TypeVar("Row")
Key = TypeVar("Key")


class NoKey:
    """The key of a table or view that has none: there is no such value."""


class TableSet:
    """The tables of one database, each a :class:`TableOf` in a class made of this one. Use it in a ``with`` block.

    It has no public names of its own: a table may be called anything.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._session.__exit__(kind, error, trace)


@dataclass(frozen=True)
class TableOf(Generic[Row, Key]):
    """A table in a :class:`TableSet`: its stream, the class of its rows, the type of its key (a tuple where it has several
    columns), and, by field of that class, the columns that are called otherwise."""

    stream: str
    model: type[Row]
    key: type[Key]
    columns: Mapping[str, str] = field(default_factory=dict)

    @overload
    def __get__(self, tables: None, owner: type) -> TableOf[Row, Key]: ...
    @overload
    def __get__(self, tables: TableSet, owner: type) -> Table[Row, Key]: ...
    def __get__(self, tables: TableSet | None, owner: type) -> TableOf[Row, Key] | Table[Row, Key]:
        return self if tables is None else Table(tables._session, self)


@dataclass(frozen=True)
class Table(Generic[Row, Key]):
    """One table of an opened database, with typed rows."""

    session: Session = field(repr=False)
    of: TableOf[Row, Key]

    def rows(self, *, where: Where | str | None = None, since: date | Decimal | float | str | None = None) -> Iterator[Row]:
        """The rows as instances of the table's class; those that `where` keeps (``"total > 10 and paid is null"``).

        `since` keeps those whose cursor is behind that value. Raises ConfigError where the configuration names no cursor for the
        table, SchemaDriftError when the table is no longer what the package was generated from, DataError for a row that does
        not fit.
        """
        asked = parse_where(where) if isinstance(where, str) else where or ()
        if since is not None:
            behind: Compare = (self._cursor, ">", since)
            asked = tuple((*group, behind) for group in asked or ((),))
        reading = self.session.read(self.of.stream, where=asked or None)
        return reading.rows(self.of.model, self.of.columns)

    def get(self, key: Key) -> Row | None:
        """The row with that primary key; None when there is none. Raises ConfigError for a key of another shape."""
        keys = self._stream.keys
        values: Sequence[Scalar] = key if isinstance(key, tuple) else (key,)  # type: ignore[assignment]  # a Key is scalars
        if len(values) != len(keys) or not keys:
            has = f"the key {', '.join(keys)}" if keys else "no key"
            raise ConfigError(f"{self.of.stream} has {has}, {len(values)} values were given", stream=self.of.stream)
        same = tuple((name, "=", value) for name, value in zip(keys, values, strict=True))
        return next(self.rows(where=(same,)), None)

    def upsert(self, rows: Iterable[Row]) -> int:
        """Update the rows whose key is there, and insert the others; how many were written. Columns that the database computes
        are left to it, whatever the rows have there.

        All of them or none: raises DataError with the database's own words when one is refused, ConfigError without a key.
        """
        return self._write(rows, WriteMode.UPSERT)

    def append(self, rows: Iterable[Row]) -> int:
        """Insert rows; how many were written. All of them or none: raises DataError when one is refused. Columns that the
        database computes are left to it.
        """
        return self._write(rows, WriteMode.APPEND)

    @property
    def _stream(self) -> Stream:
        return self.session.stream(self.of.stream)

    @property
    def _cursor(self) -> str:
        cursor = self._stream.cursor
        if cursor is None:
            raise ConfigError(
                f"no column of {self.of.stream} is known to grow with every change, so there is no `since`",
                hint=f"name one in the configuration (streams: {{{self.of.stream}: {{cursor: …}}}}), or use `where`",
                stream=self.of.stream,
            )
        return cursor

    def _write(self, rows: Iterable[Row], mode: WriteMode) -> int:
        if mode not in self._stream.writes:
            what = "it has no key" if self._stream.writes else "it is no table that can be written"
            raise ConfigError(f"{self.of.stream} cannot be written in mode {mode}: {what}", stream=self.of.stream)
        fields = {column: name for name, column in self.of.columns.items()}
        written = [field.name for field in self._stream.schema if default_of(field) != COMPUTED]
        names = [(column, fields.get(column, column)) for column in written]
        data: list[dict[str, Any]] = [{column: getattr(row, name) for column, name in names} for row in rows]
        return self.session.write(self.of.stream, data, mode=mode).rows
