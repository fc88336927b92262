"""Which columns identify a row of a table: those the configuration names, its primary key, or the shortest unique index."""

from __future__ import annotations

from connector_odbc.catalogue import Table
from connector_odbc.config import TableConfig

__all__ = ["row_keys"]


def row_keys(table: Table, settings: TableConfig) -> tuple[tuple[str, ...], str | None]:
    """The columns that identify a row, and, where it is no primary key that says so, what does."""
    if settings.keys is not None:
        return tuple(settings.keys), None
    if table.primary:
        return table.primary, None
    filled = {column.name for column in table.columns if not column.nullable}
    unique = [index for index in table.indexes if index.unique and filled.issuperset(index.columns)]
    if not unique:
        return (), None
    best = min(unique, key=lambda index: (len(index.columns), index.name))
    return best.columns, f"Without a primary key; the unique index {best.name} is taken as its keys."
