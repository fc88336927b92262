"""Inserting on PostgreSQL: one statement for thousands of rows, each column one parameter that the server expands."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from connector_odbc import driver_manager
from connector_odbc.catalogue import Column
from connector_odbc.database import Connection, Database
from connector_odbc.writing.array_literals import array_literal, element
from connector_odbc.writing.columns import StagedColumn

__all__ = ["ArrayInsert", "array_insert"]

_WITHOUT_LENGTH = {
    "bit": "varbit",
    "bit varying": "varbit",
    "bit[]": "varbit[]",
    "bit varying[]": "varbit[]",
    "character[]": "text[]",
    "character varying[]": "text[]",
}
_TEXTS = frozenset({"character varying", "character", "text", "name", "citext"})


@dataclass(frozen=True)
class ArrayInsert:
    """One statement, which the server takes whole or not at all."""

    statement: str
    parameters: list[str]

    def run(self, connection: Connection) -> None:
        """Raises pyodbc's Error."""
        pyodbc = driver_manager.pyodbc()
        if self.statement.isascii():
            connection.setencoding("utf-8", ctype=pyodbc.SQL_CHAR)
        try:
            connection.execute(self.statement, self.parameters)
        finally:
            connection.setencoding("utf-16le", ctype=pyodbc.SQL_WCHAR)


def array_insert(database: Database, table: str, columns: Sequence[StagedColumn]) -> ArrayInsert:
    """What inserts all rows of `columns` into `table`."""
    quote = database.profile.quote
    sources, values, parameters = [], [], []
    for number, staged in enumerate(columns):
        kind = element(staged.data.kind, staged.data.values)
        literal = array_literal(staged.data.values, kind)
        # As bytes of ASCII, since the driver takes those as they are; other text it would read by this machine's locale.
        if literal.isascii():
            sources.append(f"CAST(? AS {kind}[])")
            parameters.append(literal)
        else:
            sources.append(f"CAST(convert_from(decode(?, 'base64'), 'UTF8') AS {kind}[])")
            parameters.append(base64.b64encode(literal.encode()).decode())
        values.append(_value(database, staged.column, f"c{number}", kind))
    names = ", ".join(quote(staged.name) for staged in columns)
    # In the SELECT list they are expanded side by side (manual, 38.5.8); in FROM each is stored by itself before.
    expanded = ", ".join(f"unnest({source}) AS c{number}" for number, source in enumerate(sources))
    begin = database.profile.writes.insert.format(table=table, columns=names)
    return ArrayInsert(f"{begin} SELECT {', '.join(values)} FROM (SELECT {expanded}) AS expanded", parameters)


def _value(database: Database, column: Column | None, name: str, kind: str) -> str:
    """The expression that makes the column's own type of the array's; what assignment does by itself is left to it."""
    if column is None or kind != "text" or column.kind.lower() in _TEXTS:
        return name
    bind = database.profile.typed(column).bind
    if bind != "{value}":
        return bind.format(value=name)
    # A cast to a type with a length cuts what is longer (manual, 8.3 and 8.10); the assignment after it refuses that.
    return f"CAST({name} AS {_WITHOUT_LENGTH.get(column.kind.lower(), column.native)})"
