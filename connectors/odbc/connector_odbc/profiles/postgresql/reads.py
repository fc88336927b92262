"""Reading PostgreSQL: keys of any type in their own order, ctid ranges without one, one snapshot for all splits."""

from __future__ import annotations

from collections.abc import Sequence

from connector_odbc.catalogue import Column
from connector_odbc.profiles.reads import Physical, Reads
from connector_odbc.typed import InLine

__all__ = ["READS"]

_INTEGERS = frozenset({"smallint", "integer", "bigint", "oid"})
_TEXTS = frozenset({"text", "character varying", "name"})
_TIMES = frozenset({"date", "timestamp without time zone", "timestamp with time zone", "time without time zone"})
_KEYS = _INTEGERS | _TEXTS | _TIMES | {"character", "numeric", "uuid", "enum", "citext"}


def _key(column: Column) -> str | None:
    if column.kind == "bytea":
        return "decode(?, 'hex')"
    if column.kind == "numeric" and column.precision is None:
        return "CAST(? AS numeric)"
    return f"CAST(? AS {column.native})" if column.kind in _KEYS else None


def _compare(column: Column, op: str) -> str | None:
    if op in ("is null", "is not null"):
        return "{column} {op}"
    if column.kind in _INTEGERS:
        return "{column} {op} CAST(? AS bigint)"
    if column.kind == "numeric" and column.precision is not None:
        return "{column} {op} CAST(? AS numeric)"
    if column.kind == "boolean":
        return "{column} {op} CAST(? AS boolean)"
    if column.kind in _TIMES:
        return f"{{column}} {{op}} CAST(? AS {column.kind})"
    if column.kind in ("text", "character varying"):
        # Code points are what the engine compares. The second condition is what an index knows.
        exact = '{column} COLLATE "C" {op} CAST(? AS text)'
        return f"({exact} AND {{column}} = CAST(? AS text))" if op == "=" else exact
    return None


def _line(fields: Sequence[tuple[InLine, str, bool]], missing: str) -> str:
    shown = [(line.select.format(column=place), place, nullable) for line, place, nullable in fields]
    known = [
        f"CASE WHEN {place} IS NULL THEN '{missing}' ELSE CAST({expression} AS text) END" if nullable else expression
        for expression, place, nullable in shown
    ]
    return f"concat_ws(chr(31), {', '.join(known)})"


READS = Reads(
    streams=True,
    row_values=True,
    key=_key,
    raw_keys=True,
    compare=_compare,
    begin=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",),
    snapshot="SELECT pg_export_snapshot()",
    adopt=("SET TRANSACTION SNAPSHOT '{snapshot}'",),
    # Of the table, its partitions and heirs, and what a view is made of. TRUNCATE and an ALTER TABLE that writes all rows anew
    # leave nothing to a snapshot of before (manual, 13.6), nor does another table of that name; VACUUM FULL moves rows.
    files="""
WITH RECURSIVE parts AS (
  SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = ? AND c.relname = ?
  UNION
  SELECT d.oid FROM parts AS p CROSS JOIN LATERAL (
    SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = p.oid
    UNION ALL
    SELECT r.refobjid FROM pg_catalog.pg_rewrite AS w JOIN pg_catalog.pg_depend AS r ON r.objid = w.oid
    WHERE w.ev_class = p.oid AND r.classid = 'pg_rewrite'::regclass AND r.refclassid = 'pg_class'::regclass
  ) AS d (oid)
)
SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, c.relfilenode), ', ' ORDER BY c.oid)
FROM parts JOIN pg_catalog.pg_class AS c ON c.oid = parts.oid""",
    line=_line,
    # Of a sorted subquery alone they come in its order (manual, 9.21).
    page=(
        "SELECT count(*), string_agg(CASE WHEN octet_length(c0) <= {longest} THEN c0 ELSE chr(2) END, chr(10)) "
        "FROM ({query}) AS page"
    ),
    physical=Physical(
        names=("ctid",),
        select="CAST({place} AS text)",
        bind="CAST(? AS tid)",
        # A scan of a range of tids (since 14) goes by blocks.
        bounds=(
            "SELECT pg_relation_size(oid) / current_setting('block_size')::int8 FROM pg_class WHERE oid = to_regclass(?) "
            "AND relkind IN ('r', 'm') AND current_setting('server_version_num')::int >= 140000"
        ),
        cut="({number},0)",
        session=("SET LOCAL enable_seqscan = off", "SET LOCAL max_parallel_workers_per_gather = 0"),
        ordered=True,
    ),
)
