"""The native catalogue queries of a profile: few, each for a whole schema, each with the columns that are named here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CatalogueSql"]


@dataclass(frozen=True, kw_only=True)
class CatalogueSql:
    """Queries with one parameter, a schema's name; each returns rows of exactly these columns, by position.

    `tables`: name, kind (``table``, ``view``, or ``scattered`` for a table whose rows have no place that tells them apart), row
    estimate or null, comment or null, versioned (0 or 1).
    `columns`: table, column, native, kind, length, precision, scale, nullable (0 or 1), default, generated (0 or 1), identity
    (0 or 1), comment; in the order of the columns within each table. Where `kind` is null, kind, length, precision and scale
    are read from `native`.
    `keys`: table, constraint, ``primary`` or ``unique``, column; in the order of the columns within each key.
    `relations`: table, constraint, column, to_schema, to_table, to_column; in the order of the columns. Where `to_column` is
    null, the primary key is meant.
    `indexes`: table, index, unique (0 or 1), column; in the order of the columns. Where `column` is null, it is an expression
    or a part of a column, and the index is not told. A system in which an index can compare texts otherwise than its column does
    has one more: the index's collation as one writes it, or null where it is the column's own.
    `marks`: table as ``name``, a text as ``mark`` that is another as soon as its kind, its columns, its keys, its indexes or its
    row estimate are told otherwise (a comment, and the rows of a partitioned table, need not count). None where there is
    nothing of that kind.
    """

    tables: str
    columns: str
    keys: str
    relations: str
    indexes: str
    marks: str | None = None
