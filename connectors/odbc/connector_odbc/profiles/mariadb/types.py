"""How each type of MariaDB crosses Connector/ODBC: what it drops, wraps or shows as NULL is asked for in another form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.typed import Typed

__all__ = ["SESSION", "typed"]

SESSION = ("SET time_zone = '+00:00'",)
"""TIMESTAMP is shown in the session's zone."""

WIDE = 250

# Counted by the server, for the driver shows a date that is none as NULL. -1 minus its digits: which one it is.
_COUNTED = "TO_SECONDS({column}) * 1000000 + MICROSECOND({column})"
_MOMENT = f"IF({{column}} <=> NULL, NULL, COALESCE({_COUNTED}, -1 - CAST({{column}} + 0 AS SIGNED)))"
_DATE = "IF({column} <=> NULL, NULL, COALESCE(TO_DAYS({column}), -1 - CAST({column} + 0 AS SIGNED)))"
_NO_DATE = "zero dates and dates of no month or day are rejects"


def _plain(kind: pa.DataType) -> Typed:
    return Typed(type=kind, wire=kind)


def _counted(kind: pa.DataType) -> Typed:
    """Integers that the driver would wrap, as 64-bit ones."""
    return Typed(type=kind, select="CAST({column} AS SIGNED)", wire=pa.int64(), restore=restoring.narrowed(kind))


def _decimal(column: Column) -> Typed:
    precision, scale = column.precision or 10, column.scale or 0
    if precision <= 38:
        return _plain(pa.decimal128(precision, scale))
    kind = pa.decimal256(precision, scale)
    size = precision + 3
    return Typed(
        type=kind, select=f"CAST({{column}} AS CHAR({size}))", wire=pa.string(), restore=restoring.decimals(kind), size=size
    )


def _bits(column: Column) -> Typed:
    length = column.length or 1
    if length == 1:
        return Typed(type=pa.bool_(), select="CAST({column} AS SIGNED)", wire=pa.int64(), restore=restoring.truths)
    select = f"CAST(LPAD(BIN({{column}} + 0), {length}, '0') AS CHAR({length}))"
    bind = "CAST(CONV({value}, 2, 10) AS UNSIGNED)"
    return Typed(type=pa.string(), select=select, wire=pa.string(), size=length, bind=bind, note="bits, as text of 0 and 1")


def _characters(column: Column) -> Typed:
    size = None if column.length is None or column.length > WIDE else 4 * column.length
    return Typed(type=pa.string(), wire=pa.string(), size=size)


def _bytes(column: Column) -> Typed:
    size = None if column.length is None or column.length > 4 * WIDE else column.length
    return Typed(type=pa.binary(), wire=pa.binary(), size=size)


def _moment(kind: pa.DataType) -> Typed:
    return Typed(type=kind, select=_MOMENT, wire=pa.int64(), restore=restoring.microseconds(kind), bind="{value}", note=_NO_DATE)


def _short_text(size: int) -> Typed:
    return Typed(type=pa.string(), select=f"CAST({{column}} AS CHAR({size}))", wire=pa.string(), size=size)


_GEOMETRY = Typed(
    type=pa.binary(),
    select="CAST({column} AS BINARY)",
    wire=pa.binary(),
    note="geometry as MariaDB keeps it: four bytes of SRID, then WKB",
)
# By itself the driver hands it over as 0.
_FLOAT = Typed(type=pa.float32(), select="CAST({column} AS DOUBLE)", wire=pa.float64(), restore=restoring.narrowed(pa.float32()))
_TEXT = Typed(type=pa.string(), wire=pa.string())

_TYPES: Mapping[str, Typed | Callable[[Column], Typed]] = {
    "tinyint": _plain(pa.int8()),
    "smallint": _plain(pa.int16()),
    "mediumint": _plain(pa.int32()),
    "int": _plain(pa.int32()),
    "bigint": _plain(pa.int64()),
    "tinyint unsigned": _counted(pa.uint8()),
    "smallint unsigned": _counted(pa.uint16()),
    "mediumint unsigned": _counted(pa.uint32()),
    "int unsigned": _counted(pa.uint32()),
    "bigint unsigned": Typed(
        type=pa.uint64(),
        select="CAST({column} AS DECIMAL(20, 0))",
        wire=pa.decimal128(20, 0),
        restore=restoring.narrowed(pa.uint64()),
    ),
    "year": _counted(pa.int16()),
    "decimal": _decimal,
    "decimal unsigned": _decimal,
    "float": _FLOAT,
    "float unsigned": _FLOAT,
    "double": _plain(pa.float64()),
    "double unsigned": _plain(pa.float64()),
    "bit": _bits,
    "char": _characters,
    "varchar": _characters,
    "tinytext": _TEXT,
    "text": _TEXT,
    "mediumtext": _TEXT,
    "longtext": _TEXT,
    "json": _TEXT,
    "enum": _TEXT,
    "set": _TEXT,
    "binary": _bytes,
    "varbinary": _bytes,
    "tinyblob": _bytes,
    "blob": _bytes,
    "mediumblob": _bytes,
    "longblob": _bytes,
    "date": Typed(type=pa.date32(), select=_DATE, wire=pa.int64(), restore=restoring.days(), note=_NO_DATE),
    "datetime": _moment(pa.timestamp("us")),
    "timestamp": _moment(pa.timestamp("us", "UTC")),
    "time": Typed(
        type=pa.time64("us"),
        select="CAST({column} AS CHAR(20))",
        wire=pa.string(),
        restore=restoring.of_day,
        size=20,
        note="times that are not within a day are rejects",
    ),
    "uuid": _short_text(36),
    "inet4": _short_text(15),
    "inet6": _short_text(45),
    **dict.fromkeys(
        ["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"],
        _GEOMETRY,
    ),
}


def typed(column: Column) -> Typed:
    """The way of one column; a type that is not known here crosses as its text."""
    kind = column.kind.lower().replace(" zerofill", "")
    found = _TYPES.get(kind)
    if found is None:
        return Typed(type=pa.string(), select="CAST({column} AS CHAR)", wire=pa.string(), note=f"{column.native}, as text")
    return found if isinstance(found, Typed) else found(column)
