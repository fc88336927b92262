"""Reading SQLite: by keys that cannot be null, else by the rowid; in pages, since for batches its driver holds whole results."""

from __future__ import annotations

from connector_odbc.catalogue import Column
from connector_odbc.profiles.reads import Physical, Reads

__all__ = ["READS"]


def _key(column: Column) -> str | None:
    kind = column.kind
    if "int" in kind:
        return "CAST(? AS INTEGER)"
    return "CAST(? AS TEXT)" if any(part in kind for part in ("char", "clob", "text")) and "(" not in kind else None


def _compare(column: Column, op: str) -> str | None:
    if op in ("is null", "is not null"):
        return "{column} {op}"
    if "int" in column.kind:
        return "{column} {op} CAST(? AS INTEGER)"
    if op in ("=", "!=") and any(part in column.kind for part in ("char", "clob", "text")):
        return "{column} {op} CAST(? AS TEXT) COLLATE BINARY"
    return None


READS = Reads(
    row_values=True,
    key=_key,
    compare=_compare,
    byte_length="length(CAST({expression} AS BLOB))",
    physical=Physical(
        names=("rowid", "_rowid_", "oid"),
        select="CAST({place} AS text)",
        bind="CAST(? AS INTEGER)",
        bounds="SELECT max({place}) FROM {table}",
    ),
)
