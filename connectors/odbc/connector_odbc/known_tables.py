"""Tables as the catalogue told them before, for as long as nothing of them has changed: to ask for that is one short query.

A catalogue is asked for before every piece of a table is read or written, since what was discovered may have been altered. In
a schema of a thousand tables that would be most of the work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector_odbc.catalogue import Table
from connector_odbc.profiles.catalogue_sql import CatalogueSql

__all__ = ["KnownTables", "marks"]

ONE_BY_ONE = 10
"""The marks of more tables than these are asked for at once, with those of all others of their schema."""

Marks = dict[tuple[str, str], str]
"""By schema and table."""


class KnownTables:
    """The tables that one database has told about, by stream name, each with the mark that it had before."""

    def __init__(self) -> None:
        self.asking = threading.Lock()
        """Held by whoever asks, so that threads that begin together share a connection, not open one each."""
        self._known: dict[str, tuple[str, Table]] = {}

    def learn(self, tables: Mapping[str, Table], marks: Marks) -> None:
        """`marks` were asked for before `tables`."""
        found = {name: (marks.get((str(table.name.schema), table.name.name)), table) for name, table in tables.items()}
        self._known = {name: (mark, table) for name, (mark, table) in found.items() if mark is not None}

    def still(self, connection: Any, queries: CatalogueSql, names: Sequence[str]) -> dict[str, Table] | None:
        """The tables called `names`, where all of them are known and as they were; else None."""
        if queries.marks is None or not all(name in self._known for name in names):
            return None
        known = {name: self._known[name] for name in names}
        places = [(str(table.name.schema), table.name.name) for _, table in known.values()]
        if len(places) > ONE_BY_ONE:
            found = marks(connection, queries, {schema for schema, _ in places})
        else:
            found = {}
            for schema, table in places:
                row = connection.execute(f"SELECT mark FROM ({queries.marks}) AS m WHERE name = ?", schema, table).fetchone()
                if row is not None:
                    found[schema, table] = str(row[0])
        unchanged = all(found.get(place) == mark for place, (mark, _) in zip(places, known.values(), strict=True))
        return {name: table for name, (_, table) in known.items()} if unchanged else None


def marks(connection: Any, queries: CatalogueSql, schemas: Iterable[str]) -> Marks:
    """The marks of all tables of `schemas`; empty where the profile knows none."""
    if queries.marks is None:
        return {}
    return {
        (schema, str(name)): str(mark)
        for schema in schemas
        for name, mark in connection.execute(queries.marks, schema).fetchall()
    }
