"""What a database's catalogue says: tables with their columns, keys, relations and indexes, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Column", "ForeignKey", "Index", "Table", "TableName"]


@dataclass(frozen=True, order=True)
class TableName:
    """Which table: its schema (its database on MariaDB, None where there is no such thing) and its own name, both unquoted."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column, in the words of its own system.

    `native` is the type as one would declare it (``numeric(12,2)``, ``int(10) unsigned``, ``timestamp(3) with time
    zone``), `kind` its name alone in lower case, without parameters (``numeric``, ``int unsigned``). `length` counts
    characters of text or bytes of binary and is None where none was declared; `precision` and `scale` are those of
    numbers, None where unconstrained; for times `precision` is the digits of the seconds' fraction, and the length of bits
    counts bits. `default` is the SQL expression, of a `generated` column the one it is made by; those are not written. An
    `identity` column is counted by the server where no value is given (identity, auto_increment, a rowid's alias).
    """

    name: str
    native: str
    kind: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    default: str | None = None
    generated: bool = False
    identity: bool = False
    doc: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """`columns` refer to `to_columns` of the table `to`."""

    columns: tuple[str, ...]
    to: TableName
    to_columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index over whole columns, in their order; one over an expression, or a partial one, is not told.

    `collations`, where any is told: by which the index compares each column, as one writes it, None for the column's own.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    collations: tuple[str | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table or a view. `rows` is the server's own estimate; `primary` is empty where there is no primary key.

    `scattered`: no physical place tells all rows apart, since they lie in partitions, or the table has no such thing.
    """

    name: TableName
    columns: tuple[Column, ...]
    view: bool = False
    scattered: bool = False
    primary: tuple[str, ...] = ()
    foreign: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    rows: int | None = None
    doc: str | None = None
    versioned: bool = False

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError without one."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
