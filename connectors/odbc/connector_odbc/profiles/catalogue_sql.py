"""The native catalogue queries of a profile: few, each for a whole schema, each with the columns that are named here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CatalogueSql"]


@dataclass(frozen=True, kw_only=True)
class CatalogueSql:
    """Queries with one parameter, a schema's name; each returns rows of exactly these columns, by position.

    `tables`: name, kind (``table`` or ``view``), row estimate or null, comment or null, versioned (0 or 1).
    `columns`: table, column, native, kind, length, precision, scale, nullable (0 or 1), default, generated (0 or 1), comment; in
    the order of the columns within each table.
    `keys`: table, constraint, ``primary`` or ``unique``, column; in the order of the columns within each key.
    `relations`: table, constraint, column, to_schema, to_table, to_column; in the order of the columns.
    `indexes`: table, index, unique (0 or 1), column; in the order of the columns.
    """

    tables: str
    columns: str
    keys: str
    relations: str
    indexes: str
