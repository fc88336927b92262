"""How each type of PostgreSQL crosses psqlodbc: numbers it cannot get wrong by themselves, all else as the server's own text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.typed import AnyArray, InLine, Restored, Typed

__all__ = ["SESSION", "typed"]

SESSION = (
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET TimeZone = 'UTC'",
    "SET extra_float_digits = 3",
    "SET bytea_output = 'hex'",
    "SET xmloption = 'content'",
)
"""What the text forms below depend on, and a role or a database may have set otherwise."""

WIDE = 250
"""Longer text is not given room for all that its declaration allows."""

_AS_TEXT = "CAST({column} AS text)"
_STAMP = "CAST({column} AS varchar(32))"  # longer than any; a cast to a width tells the driver how much room to make


def _text(note: str | None = None) -> Typed:
    return Typed(type=pa.string(), select=_AS_TEXT, wire=pa.string(), note=note)


def _numeric(column: Column) -> Typed:
    precision, scale = column.precision, column.scale or 0
    if precision is None:
        return _text("numeric without a declared precision, as text")
    precision, scale = (precision - scale, 0) if scale < 0 else (max(precision, scale), scale)
    if precision > 76:
        return _text("numeric of more than 76 digits, as text")
    kind = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    size = max(precision + 3, 12)
    select = f"CAST({{column}} AS varchar({size}))"
    return Typed(type=kind, select=select, wire=pa.string(), restore=restoring.decimals(kind), size=size)


def _characters(column: Column) -> Typed:
    if column.length is None or column.length > WIDE:
        # A cast would take the padding off a character(n).
        return Typed(type=pa.string(), wire=pa.string()) if column.kind == "character" else _text()
    return Typed(type=pa.string(), wire=pa.string(), size=4 * column.length)


def _bits(column: Column) -> Typed:
    return _text("bits, as text of 0 and 1")


def _stamp(kind: pa.DataType, select: str = _STAMP) -> Typed:
    return Typed(
        type=kind,
        select=select,
        wire=pa.string(),
        restore=restoring.timestamps(kind),
        size=32,
        note="infinity, and years before 1 or after 9999, are rejects",
    )


def _plain(kind: pa.DataType) -> Typed:
    return Typed(type=kind, wire=kind)


_UTC = pa.timestamp("us", "UTC")
_MONEY = pa.decimal128(21, 2)

_TYPES: Mapping[str, Typed | Callable[[Column], Typed]] = {
    "smallint": _plain(pa.int16()),
    "integer": _plain(pa.int32()),
    "bigint": _plain(pa.int64()),
    "oid": Typed(type=pa.uint32(), select="CAST({column} AS bigint)", wire=pa.int64(), restore=restoring.narrowed(pa.uint32())),
    "numeric": _numeric,
    # As float8, for its text read as float8 and rounded again would not always be the same float4.
    "real": Typed(
        type=pa.float32(),
        select="CAST({column} AS double precision)",
        wire=pa.float64(),
        restore=restoring.narrowed(pa.float32()),
    ),
    "double precision": _plain(pa.float64()),
    "money": Typed(
        type=_MONEY,
        select="CAST(CAST({column} AS numeric) AS varchar(24))",
        wire=pa.string(),
        restore=restoring.decimals(_MONEY),
        size=24,
        bind="CAST(CAST({value} AS numeric) AS money)",
        note="money without its currency",
    ),
    "boolean": _plain(pa.bool_()),
    "character varying": _characters,
    "character": _characters,
    "text": _text(),
    "name": _text(),
    "citext": _text(),
    '"char"': _text(),
    "bytea": Typed(type=pa.binary(), wire=pa.binary()),
    "date": _stamp(pa.date32(), "CAST({column} AS varchar(16))"),
    "timestamp without time zone": _stamp(pa.timestamp("us")),
    "timestamp with time zone": _stamp(_UTC, "CAST({column} AT TIME ZONE 'UTC' AS varchar(32))"),
    "time without time zone": Typed(
        type=pa.time64("us"),
        select="CAST({column} AS varchar(16))",
        wire=pa.string(),
        restore=restoring.of_day,
        size=16,
        note="24:00:00 is a reject",
    ),
    "time with time zone": _text("time with its offset, as text"),
    "interval": _text("interval, as PostgreSQL's text"),
    "uuid": Typed(type=pa.string(), select="CAST({column} AS varchar(36))", wire=pa.string(), size=36),
    "json": _text(),
    "jsonb": _text(),
    # As the log and every client have it: the encoding that it declares is no longer the one it is in.
    "xml": Typed(
        type=pa.string(),
        select="CAST(xml_out({column}) AS text)",
        wire=pa.string(),
        note="xml without the encoding that it declares",
    ),
    "enum": _text(),
    "bit": _bits,
    "bit varying": _bits,
}


def typed(column: Column) -> Typed:
    """The way of one column; a type that is not known here (arrays, ranges, composites, extensions) crosses as its text."""
    found = _TYPES.get(column.kind.lower())
    if found is None:
        found = _text(f"{column.native}, as PostgreSQL's text")
    way = found if isinstance(found, Typed) else found(column)
    return replace(way, inline=_inline(column, way))


def _inline(column: Column, way: Typed) -> InLine:
    """In a line a value is what its type's output function writes."""
    kind = way.type
    if pa.types.is_string(kind):
        return InLine(type=kind, select="concat({column})" if column.kind == "character" else way.select, text=True)
    if pa.types.is_binary(kind):
        return InLine(type=pa.string(), select="encode({column}, 'hex')", restore=restoring.hexadecimal)
    if kind == _UTC:
        return InLine(type=pa.timestamp("us"), select="CAST({column} AT TIME ZONE 'UTC' AS text)", restore=_in_utc)
    if kind == pa.float32():
        return InLine(type=pa.float64(), select=way.select, restore=way.restore)
    if pa.types.is_decimal256(kind):
        return InLine(type=pa.string(), select=way.select, restore=way.restore)
    return InLine(type=kind, select="CAST({column} AS numeric)" if column.kind == "money" else "{column}")


def _in_utc(moments: AnyArray) -> Restored:
    return Restored(values=moments.cast(_UTC))
