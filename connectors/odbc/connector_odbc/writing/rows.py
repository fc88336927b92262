"""Staging row by row with bound values, the way of every driver; moments as texts, since drivers cut bound timestamps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector_odbc.database import Connection, Database
from connector_odbc.writing.columns import StagedColumn

__all__ = ["insert_rows"]


def insert_rows(database: Database, connection: Connection, table: str, columns: Sequence[StagedColumn]) -> None:
    """Insert all rows of `columns` into `table`; the caller's transaction holds them together."""
    quote = database.profile.quote
    values, places = [], []
    for staged in columns:
        found: list[Any] = staged.data.values.to_pylist()
        place = "?"
        if staged.data.kind in ("text", "json") and any(text is not None and "\0" in text for text in found):
            # The driver takes a text up to its first NUL, and bytes whole.
            found, place = [None if text is None else text.encode() for text in found], "CAST(? AS text)"
        values.append(found)
        places.append(place)
    names = ", ".join(quote(staged.name) for staged in columns)
    cursor = connection.cursor()
    cursor.fast_executemany = False  # it cuts fractions of seconds, and crashes one driver
    cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join(places)})", list(zip(*values, strict=True)))
