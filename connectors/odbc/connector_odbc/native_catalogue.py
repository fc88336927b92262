"""The catalogue of a schema by the profile's own queries: five statements, however many tables there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from connector_odbc.catalogue import Column, ForeignKey, Index, Table, TableName
from connector_odbc.database import Connection
from connector_odbc.declared_type import DeclaredType, parse
from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["native_tables"]

_PERIODS = ("ROW START", "ROW END")
_OURS = "_connector_"


def native_tables(connection: Connection, queries: CatalogueSql, schema: str) -> list[Table]:
    """Every table and view of `schema`, in the order of their names."""
    tables = _rows(connection, queries.tables, schema)
    columns = _by_table(_rows(connection, queries.columns, schema))
    periods = _periods(columns)
    primary: dict[str, list[str]] = {}
    for table, _, kind, column in _rows(connection, queries.keys, schema):
        if kind == "primary" and (table, column) not in periods:
            primary.setdefault(table, []).append(column)
    relations = _by_table(_rows(connection, queries.relations, schema))
    indexes = _by_table(row for row in _rows(connection, queries.indexes, schema) if (row[0], row[3]) not in periods)
    spelling = _Spelling({str(name): [row[0] for row in columns.get(name, ())] for name, *_ in tables})

    def primary_of(table: str) -> tuple[str, ...]:
        return tuple(primary.get(spelling.table(table), ()))

    return [
        Table(
            name=TableName(schema, name),
            columns=tuple(_column(*row) for row in columns.get(name, ())),
            view=kind == "view",
            scattered=kind == "scattered",
            primary=tuple(primary.get(name, ())),
            foreign=tuple(
                spelling.of(key) if key.to.schema == schema else key for key in _foreign(relations.get(name, ()), primary_of)
            ),
            indexes=tuple(_indexes(indexes.get(name, ()))),
            rows=None if rows is None else int(rows),
            doc=doc or None,
            versioned=bool(versioned),
        )
        for name, kind, rows, doc, versioned in sorted(tables, key=lambda row: str(row[0]))
    ]


def _rows(connection: Connection, query: str, schema: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query, schema).fetchall()]


def _by_table(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table, *rest in rows:
        found.setdefault(table, []).append(tuple(rest))
    return found


def _periods(columns: dict[str, list[tuple[Any, ...]]]) -> set[tuple[str, str]]:
    """The columns in which a row's times are kept: no part of what identifies it. Those of ours go out of `columns`."""
    periods = {(table, row[0]) for table, rows in columns.items() for row in rows if row[8] and row[7] in _PERIODS}
    for table in {table for table, _ in periods}:
        columns[table] = [row for row in columns[table] if (table, row[0]) not in periods or not row[0].startswith(_OURS)]
    return periods


def _column(
    name: str,
    native: str,
    kind: str | None,
    length: int | None,
    precision: int | None,
    scale: int | None,
    nullable: int,
    default: str | None,
    generated: int,
    identity: int,
    doc: str | None,
) -> Column:
    if kind is None:
        declared = parse(native)
    else:
        declared = DeclaredType(kind=kind, length=_int(length), precision=_int(precision), scale=_int(scale))
    return Column(
        name=name,
        native=native,
        kind=declared.kind,
        length=declared.length,
        precision=declared.precision,
        scale=declared.scale,
        nullable=bool(nullable),
        default=default,
        generated=bool(generated),
        identity=bool(identity),
        doc=doc or None,
    )


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _foreign(rows: Iterable[tuple[Any, ...]], primary_of: Callable[[str], tuple[str, ...]]) -> Iterable[ForeignKey]:
    keys: dict[str, list[tuple[Any, ...]]] = {}
    for constraint, *rest in rows:
        keys.setdefault(str(constraint), []).append(tuple(rest))
    for parts in keys.values():
        _, schema, table, first = parts[0]
        to_columns = tuple(part[3] for part in parts) if first is not None else primary_of(table)
        if len(to_columns) == len(parts):
            yield ForeignKey(columns=tuple(part[0] for part in parts), to=TableName(schema, table), to_columns=to_columns)


class _Spelling:
    """Names as they are, for a system that does not mind case and tells a reference as it was typed."""

    def __init__(self, columns: dict[str, list[str]]) -> None:
        self._columns = columns
        self._names = {name.lower(): name for name in columns}

    def table(self, name: str) -> str:
        """The table that is meant by `name`; `name` itself where there is none."""
        return name if name in self._columns else self._names.get(name.lower(), name)

    def of(self, key: ForeignKey) -> ForeignKey:
        """`key`, to a table and columns that exist wherever they do but for the case of their letters."""
        name = self.table(key.to.name)
        known = self._columns.get(name, [])
        if name == key.to.name and set(key.to_columns) <= set(known):
            return key
        spelt = {column.lower(): column for column in known}
        to_columns = tuple(column if column in known else spelt.get(column.lower(), column) for column in key.to_columns)
        return replace(key, to=TableName(key.to.schema, name), to_columns=to_columns)


def _indexes(rows: Iterable[tuple[Any, ...]]) -> Iterable[Index]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for index, *rest in rows:
        found.setdefault(index, []).append(tuple(rest))
    for name, parts in found.items():
        columns = tuple(part[1] for part in parts)
        if None not in columns:
            yield Index(
                name=name,
                columns=columns,
                unique=bool(parts[0][0]),
                collations=tuple(collation for part in parts for collation in part[2:]),
            )
