"""The catalogue of a schema by the ODBC catalogue functions, for databases whose own catalogue no profile knows.

Tables and columns are asked for once for the whole schema, keys table by table, since ODBC has no other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connector_odbc import driver_manager
from connector_odbc.catalogue import Column, ForeignKey, Index, Table, TableName
from connector_odbc.database import Connection
from connector_odbc.declared_type import DeclaredType, parse

__all__ = ["odbc_tables"]

# SQL data types of sql.h and sqlext.h: which of them have a length, a precision, digits of a second's fraction.
_CHARACTERS = frozenset({1, 12, -8, -9})
_BYTES = frozenset({-2, -3})
_DECIMALS = frozenset({2, 3})
_TIMES = frozenset({10, 11, 92, 93, -154, -155})
_SCHEMAS_IN_DML = 1  # SQL_SU_DML_STATEMENTS


def odbc_tables(connection: Connection, schema: str | None, names: Sequence[str] | None = None) -> list[Table]:
    """Every table and view of `schema` (None: of all schemas), in the order of their names; those called `names`, if given.

    Where the system has no schemas but databases, as MariaDB, `schema` is a database.
    """
    place = _Place(connection, schema)
    kinds = {
        name: (kind, doc)
        for name, kind, doc in place.tables()
        if (schema is None or name.schema == schema) and (names is None or name.name in names)
    }
    columns: dict[TableName, list[tuple[int, Column]]] = {}
    for name, ordinal, column in place.columns(names[0] if names is not None and len(names) == 1 else None):
        if name in kinds:
            columns.setdefault(name, []).append((ordinal, column))
    return [
        _table(place, name, *kinds[name], columns.get(name, []))
        for name in sorted(kinds, key=lambda name: (name.schema or "", name.name))
    ]


def _table(place: _Place, name: TableName, kind: str, doc: str | None, columns: list[tuple[int, Column]]) -> Table:
    view = "VIEW" in kind
    primary = () if view else place.primary(name)
    return Table(
        name=name,
        columns=tuple(column for _, column in sorted(columns, key=lambda pair: pair[0])),
        view=view,
        primary=primary,
        foreign=() if view else tuple(place.foreign(name)),
        indexes=() if view or primary else tuple(place.unique(name)),
        doc=doc or None,
    )


def _stored(kind: str) -> bool:
    """Whether SQLTables' kind is one whose rows stay: no catalogue, no synonym, no index, nothing temporary."""
    return ("TABLE" in kind or "VIEW" in kind) and not any(
        word in kind for word in ("SYSTEM TABLE", "TEMPORARY", "INDEX", "CATALOG")
    )


class _Place:
    """Where the tables are, in the words of one driver."""

    def __init__(self, connection: Connection, schema: str | None) -> None:
        self._pyodbc = driver_manager.pyodbc()
        self._connection = connection
        self._has_schemas = bool(self._info("SQL_SCHEMA_USAGE", 0) & _SCHEMAS_IN_DML)
        self._has_catalogues = not self._has_schemas and bool(self._info("SQL_CATALOG_USAGE", 0) & _SCHEMAS_IN_DML)
        self._escape = str(self._info("SQL_SEARCH_PATTERN_ESCAPE", "") or "")
        self._schema = schema

    def _info(self, what: str, otherwise: Any) -> Any:
        try:
            return self._connection.getinfo(getattr(self._pyodbc, what))
        except self._pyodbc.Error:
            return otherwise

    def _pattern(self, name: str) -> str | None:
        """`name` as a pattern that means only itself; None where this driver has no way to write one.

        The escape character itself is not escaped: psqlodbc has it wrong. What is asked for too much is sorted out later.
        """
        if not self._escape or self._escape in name:
            return name if "_" not in name and "%" not in name and not self._escape else None
        return name.replace("%", f"{self._escape}%").replace("_", f"{self._escape}_")

    def _scope(self, schema: str | None, *, pattern: bool) -> dict[str, str | None]:
        """The arguments for `schema`. Of the two only a schema may be a pattern; a catalogue is always meant as it is."""
        if schema is None:
            return {}
        if self._has_schemas:
            return {"schema": self._pattern(schema) if pattern else schema}
        return {"catalog": schema} if self._has_catalogues else {}

    def _name(self, row: Any, first: int = 0) -> TableName:
        schema = row[first + 1] if self._has_schemas else row[first]
        return TableName(schema or self._schema, row[first + 2])

    def tables(self) -> Iterable[tuple[TableName, str, str | None]]:
        for row in self._connection.cursor().tables(**self._scope(self._schema, pattern=True)).fetchall():
            kind = str(row[3] or "").upper()
            if row[2] and _stored(kind):
                yield self._name(row), kind, row[4]

    def columns(self, table: str | None) -> Iterable[tuple[TableName, int, Column]]:
        scope = self._scope(self._schema, pattern=True)
        if table is not None and (pattern := self._pattern(table)) is not None:
            scope["table"] = pattern
        # Some drivers number the columns through, over all tables; the order is right all the same.
        for row in self._connection.cursor().columns(**scope).fetchall():
            yield self._name(row), int(row[16]), _column(row)

    def primary(self, name: TableName) -> tuple[str, ...]:
        rows = self._connection.cursor().primaryKeys(name.name, **self._scope(name.schema, pattern=False)).fetchall()
        return tuple(row[3] for row in sorted(rows, key=lambda row: int(row[4])))

    def foreign(self, name: TableName) -> Iterable[ForeignKey]:
        scope = self._scope(name.schema, pattern=False)
        arguments = {f"foreign{key.capitalize()}": value for key, value in scope.items()}
        rows = self._connection.cursor().foreignKeys(foreignTable=name.name, **arguments).fetchall()
        keys: list[list[Any]] = []
        for row in rows:
            # A key may have no name: its columns count from 1 again.
            if int(row[8]) == 1 or not keys:
                keys.append([])
            keys[-1].append(row)
        for key in keys:
            key.sort(key=lambda row: int(row[8]))
            to = self._name(key[0])
            to_columns = tuple(row[3] for row in key)
            if None in to_columns:
                to_columns = self.primary(to)
            if len(to_columns) == len(key):
                yield ForeignKey(columns=tuple(row[7] for row in key), to=to, to_columns=to_columns)

    def unique(self, name: TableName) -> Iterable[Index]:
        scope = self._scope(name.schema, pattern=False)
        rows = self._connection.cursor().statistics(name.name, unique=True, quick=True, **scope).fetchall()
        indexes: dict[str, list[Any]] = {}
        for row in rows:
            if row[6] and row[5] is not None and not row[12]:  # no table line, and no filter: a partial index
                indexes.setdefault(row[5], []).append(row)
        for index, parts in indexes.items():
            parts.sort(key=lambda row: int(row[7]))
            if all(part[8] for part in parts):
                yield Index(name=index, columns=tuple(part[8] for part in parts), unique=True)


def _column(row: Any) -> Column:
    name, code, native = row[3], int(row[4]), str(row[5] or "")
    size, digits = row[6], row[8]
    declared = parse(native)
    if "(" not in native:
        declared, native = _sized(native, declared.kind, code, size, digits)
    return Column(
        name=name,
        native=native,
        kind=declared.kind,
        length=declared.length,
        precision=declared.precision,
        scale=declared.scale,
        nullable=row[10] != 0,
        default=None if row[12] in (None, "", "NULL") else str(row[12]),
        generated=False,
        doc=row[11] or None,
    )


def _sized(native: str, kind: str, code: int, size: Any, digits: Any) -> tuple[DeclaredType, str]:
    """What the driver tells beside the type's name, and the type as one would declare it."""
    if code in _DECIMALS and size:
        return DeclaredType(kind=kind, precision=int(size), scale=int(digits or 0)), f"{native}({int(size)},{int(digits or 0)})"
    if code in _CHARACTERS | _BYTES and size and int(size) > 0:
        return DeclaredType(kind=kind, length=int(size)), f"{native}({int(size)})"
    if code in _TIMES and digits is not None:
        return DeclaredType(kind=kind, precision=int(digits)), native
    return DeclaredType(kind=kind), native
