"""Reading MariaDB: page by page along the key, since its driver holds a whole result in memory."""

from __future__ import annotations

from connector_odbc.catalogue import Column
from connector_odbc.profiles.reads import Reads

__all__ = ["READS"]

_SIGNED = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_TEXTS = frozenset({"char", "varchar"})


def _integer(column: Column) -> str | None:
    kind = column.kind.replace(" zerofill", "")
    if kind in _SIGNED:
        return "CAST(? AS SIGNED)"
    return "CAST(? AS UNSIGNED)" if kind.removesuffix(" unsigned") in _SIGNED or kind == "year" else None


def _key(column: Column) -> str | None:
    kind = column.kind
    if kind in _TEXTS:
        return "?"
    if kind in ("binary", "varbinary"):
        return "UNHEX(?)"
    if kind == "decimal":
        return f"CAST(? AS DECIMAL({column.precision}, {column.scale}))"
    if kind in ("datetime", "timestamp"):
        return "CAST(? AS DATETIME(6))"
    return {"date": "CAST(? AS DATE)", "uuid": "CAST(? AS UUID)", "inet6": "CAST(? AS INET6)"}.get(kind) or _integer(column)


def _compare(column: Column, op: str) -> str | None:
    if op in ("is null", "is not null"):
        # IS NULL would find zero dates.
        return "{column} <=> NULL" if op == "is null" else "NOT {column} <=> NULL"
    if column.kind in _TEXTS or column.kind.endswith("text"):
        exact = "CONVERT({column} USING utf8mb4) COLLATE utf8mb4_nopad_bin {op} ?"
        return f"({exact} AND {{column}} = ?)" if op == "=" else exact
    if column.kind == "date":
        return "{column} {op} CAST(? AS DATE)"
    if column.kind in ("datetime", "timestamp"):
        return "{column} {op} CAST(? AS DATETIME(6))"
    if column.kind == "decimal":
        return "{column} {op} CAST(? AS DECIMAL(65, 30))"
    found = _integer(column)
    return None if found is None else f"{{column}} {{op}} {found}"


READS = Reads(
    key=_key,
    compare=_compare,
    cuts_silently=True,
    byte_length="LENGTH({expression})",
    # Rows one by one lose what is behind a NUL in text.
    as_rows="CAST(CONVERT({expression} USING utf8mb4) AS BINARY)",
    encoded=True,
    begin=("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
)
