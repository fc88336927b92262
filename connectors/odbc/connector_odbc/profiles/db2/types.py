"""How Db2's types cross ODBC: moments in ISO form, bytes as hexadecimal digits, decimal floats as their text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.profiles.standard_types import by_rows, characters, decimal, direct, hexadecimal, moment
from connector_odbc.typed import Typed

__all__ = ["typed"]


def _moment(column: Column) -> Typed:
    if column.precision is not None and column.precision > 6:
        return by_rows(column, "CHAR({column})", note=f"{column.native}, as text: it has digits behind the microsecond")
    select = "VARCHAR_FORMAT({column}, 'YYYY-MM-DD HH24:MI:SS.NNNNNN')"
    return moment(pa.timestamp("us"), select, 26, "midnight as 24:00:00 is a reject")


def _bytes(column: Column) -> Typed:
    return hexadecimal("HEX({column})", 2 * column.length if column.length else None)


def _text(select: str) -> Callable[[Column], Typed]:
    return lambda column: by_rows(column, select, note=f"{column.native}, as text")


_BITS = ("char for bit data", "varchar for bit data", "character for bit data", "character varying for bit data")
_TYPES: Mapping[str, Typed | Callable[[Column], Typed]] = {
    "smallint": direct(pa.int16()),
    **dict.fromkeys(("integer", "int"), direct(pa.int32())),
    "bigint": direct(pa.int64()),
    **dict.fromkeys(("decimal", "numeric"), decimal),
    "decfloat": Typed(type=pa.string(), select="VARCHAR({column})", wire=pa.string(), size=42, note="a decimal float, as text"),
    **dict.fromkeys(("real", "double", "float"), direct(pa.float64())),
    **dict.fromkeys(
        ("char", "character", "varchar", "character varying", "graphic", "vargraphic", "nchar", "nvarchar"), characters
    ),
    **dict.fromkeys((*_BITS, "binary", "varbinary"), _bytes),
    **dict.fromkeys(("clob", "dbclob", "long varchar"), _text("{column}")),
    "blob": Typed(type=pa.binary(), wire=pa.binary(), bulk=False),
    "xml": _text("XMLSERIALIZE({column} AS CLOB(2G))"),
    "boolean": Typed(
        type=pa.bool_(),
        select="CASE WHEN {column} THEN 1 WHEN NOT {column} THEN 0 END",
        wire=pa.int64(),
        restore=restoring.truths,
    ),
    "date": moment(pa.date32(), "CHAR({column}, ISO)", 10),
    "time": Typed(
        type=pa.time64("us"),
        select="REPLACE(CHAR({column}, ISO), '.', ':')",
        wire=pa.string(),
        restore=restoring.of_day,
        size=8,
        note="24:00:00 is a reject",
    ),
    "timestamp": _moment,
}


def typed(column: Column) -> Typed:
    """The way of one column; a type that is not known here crosses as the driver writes it."""
    found = _TYPES.get(column.kind)
    if found is None:
        return by_rows(column)
    return found if isinstance(found, Typed) else found(column)
