"""The SELECT of a piece of a table: safe forms of the columns, the range of the key, the condition; every value bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector_odbc.profiles.reads import Reads
from connector_odbc.way import Part, Way

__all__ = ["Query", "ordering", "projection", "query", "within"]

Bound = Sequence[str]
"""Canonical texts of the first columns of an order."""


@dataclass(frozen=True)
class Query:
    """SQL, and a text for each ``?`` in it."""

    sql: str
    values: tuple[str, ...] = ()


def projection(way: Way) -> list[str]:
    """The expressions of the fields, then those of the order's columns that are no field."""
    names = set(way.stream.schema.names)
    fields = [typed.select.format(column=way.places[column.name]) for column, typed in way.columns]
    return fields + [part.select for part in way.order if part.name not in names]


def within(order: Sequence[Part], after: Bound | None, upto: Bound | None, reads: Reads) -> Query:
    """The condition that a row lies behind `after` and not behind `upto`, which may name the first columns only; empty: none."""
    parts = [_compared(order, bound, op, reads) for bound, op in ((after, ">"), (upto, "<=")) if bound]
    return Query(" AND ".join(part.sql for part in parts), tuple(value for part in parts for value in part.values))


def _compared(order: Sequence[Part], bound: Bound, op: str, reads: Reads) -> Query:
    pairs = list(zip(order, bound, strict=False))
    # SQLite finds no index for row values of which one has a collation.
    if len(pairs) == 1 or (reads.row_values and not any(part.collation for part, _ in pairs)):
        left, right = ", ".join(part.compared for part, _ in pairs), ", ".join(part.bind for part, _ in pairs)
        one = len(pairs) == 1
        return Query(f"{left} {op} {right}" if one else f"({left}) {op} ({right})", tuple(value for _, value in pairs))
    # Spelled out, with a bound on the first column alone in front: that is what an index is used for.
    (first, value), strict = pairs[0], op[0]
    rest = _compared(order[1:], bound[1:], op, reads)
    sql = (
        f"{first.compared} {strict}= {first.bind} AND "
        f"({first.compared} {strict} {first.bind} OR {first.compared} = {first.bind} AND ({rest.sql}))"
    )
    return Query(f"({sql})", (value, value, value, *rest.values))


def ordering(order: Sequence[Part]) -> str:
    """``ORDER BY …``, or nothing."""
    return f" ORDER BY {', '.join(part.compared for part in order)}" if order else ""


def query(
    way: Way,
    expressions: Sequence[str],
    condition: Query,
    reads: Reads,
    *,
    after: Bound | None = None,
    upto: Bound | None = None,
    limit: int | None = None,
    ordered: bool = True,
) -> Query:
    """SELECT `expressions` of the rows between two bounds that `condition` keeps."""
    range_ = within(way.order, after, upto, reads)
    conditions = [part for part in (range_, condition) if part.sql]
    named = ", ".join(f"{expression} AS c{number}" for number, expression in enumerate(expressions))
    sql = f"SELECT {named} FROM {way.source}"
    if conditions:
        sql += " WHERE " + " AND ".join(f"({part.sql})" for part in conditions)
    if ordered and not (way.physical and way.physical.ordered):
        sql += ordering(way.order)
    if limit is not None:
        sql = reads.limit.format(query=sql, rows=limit)
    return Query(sql, tuple(value for part in conditions for value in part.values))
