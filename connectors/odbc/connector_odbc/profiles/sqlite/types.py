"""How each declared type of SQLite crosses sqliteodbc: as text that the query itself writes, for a column may hold anything.

A value of another storage class than the declaration says is a reject; it comes as ``!``, its class and the value. A column
without a declaration, or with one that nobody knows, is text.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.typed import InLine, Restore, Typed

__all__ = ["typed"]

# 20 digits, since SQLite's own arithmetic is not exact in the last ones; 17 of them tell one double from another.
_REAL = "printf('%!.20g', {column})"
_OTHER = "WHEN 'null' THEN NULL ELSE '!' || typeof({column}) || ' ' || substr(quote({column}), 1, 65536) END"
_INTEGER = "CASE typeof({column}) WHEN 'integer' THEN CAST({column} AS text) " + _OTHER
_FLOAT = f"CASE typeof({{column}}) WHEN 'real' THEN {_REAL} WHEN 'integer' THEN CAST({{column}} AS text) {_OTHER}"
# The driver cuts text at a NUL.
_WHOLE = "WHEN 'text' THEN CASE WHEN instr({column}, char(0)) THEN '!text ' || hex({column}) ELSE {column} END"
_DECIMAL = (
    f"CASE typeof({{column}}) WHEN 'real' THEN '~' || {_REAL} WHEN 'integer' THEN CAST({{column}} AS text) {_WHOLE} {_OTHER}"
)
_TEXT = f"CASE typeof({{column}}) {_WHOLE} {_OTHER}"
_BLOB = "CASE typeof({column}) WHEN 'blob' THEN hex({column}) " + _OTHER
_PLAIN = "WHEN 'text' THEN CASE WHEN instr({column}, char(0)) OR {column} >= char(1) AND {column} < char(2) "
_PLAIN += "THEN char(1) || 't' || hex(char(65279) || {column}) ELSE {column} END"  # in the database's own encoding
_ESCAPED = "WHEN 'null' THEN NULL ELSE char(1) || typeof({column}) || ' ' || substr(quote({column}), 1, 65536) END"
_CHARACTERS = f"CASE typeof({{column}}) {_PLAIN} {_ESCAPED}"
_ANYTHING = f"CASE typeof({{column}}) {_PLAIN} WHEN 'integer' THEN CAST({{column}} AS text) WHEN 'real' THEN {_REAL} {_ESCAPED}"


_DIGITS = "%!.19g"  # as many as a reader takes in at once, and still more than tell one double from another
_INTEGER_LINE = InLine(type=pa.int64(), storage="number")  # a real would have a point, or no digits


def _as(kind: pa.DataType, select: str, restore: Restore, inline: InLine | None = None, note: str | None = None) -> Typed:
    return Typed(type=kind, select=select, wire=pa.string(), restore=restore, note=note, inline=inline)


def _text_line(restore: Restore | None = None) -> InLine:
    return InLine(type=pa.string(), restore=restore, storage="text", text=True)


def _moment(kind: pa.DataType, restore: Restore) -> Typed:
    return _as(kind, _TEXT, restore, _text_line(restore))


def _decimal(column: Column) -> Typed | None:
    precision, scale = column.precision, column.scale or 0
    if precision is None or precision > 76 or not 0 <= scale <= precision or precision < 1:
        return None
    kind = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    if "text" in column.kind:
        return _as(kind, _DECIMAL, restoring.reals_as_decimals(kind), _text_line(restoring.decimals(kind)))
    note = "kept as a float by SQLite beyond 18 digits or with a fraction: more than 15 digits of that are a reject"
    inline = None
    if precision <= 38 and scale <= restoring.REAL_DIGITS:
        # Counted in its last digit. The quotient of two exact numbers is the float that is nearest to the decimal.
        unit, limit = f"1e{scale}", Decimal(1).scaleb(min(precision, restoring.REAL_DIGITS) - scale)
        count = f"CAST(round({{column}} * {unit}) AS INTEGER)"
        inline = InLine(
            type=pa.int64(),
            select=count,
            restore=restoring.counted_decimals(kind),
            storage="number",
            exact=f"{count} / {unit} = {{column}} AND abs({{column}}) < {limit:f}",
        )
    return _as(kind, _DECIMAL, restoring.reals_as_decimals(kind), inline, note)


_DYNAMIC = _as(pa.string(), _ANYTHING, restoring.unescaped, note="of no type that SQLite knows, as text")
_INTEGERS = _as(pa.int64(), _INTEGER, restoring.parsed(pa.int64(), "it is not an integer"), _INTEGER_LINE)
_FLOATS = _as(
    pa.float64(),
    _FLOAT,
    restoring.parsed(pa.float64(), "it is not a number"),
    InLine(type=pa.float64(), form=_DIGITS, storage="number"),
)
# Of a column that is declared as text a number becomes one when it is written (3.1 and 3.2 there).
_STRINGS = _as(pa.string(), _CHARACTERS, restoring.unescaped, InLine(type=pa.string(), storage="characters", text=True))
_BYTES = _as(
    pa.binary(),
    _BLOB,
    restoring.hexadecimal,
    InLine(type=pa.string(), select="hex({column})", restore=restoring.hexadecimal, storage="blob"),
)
_ZONED = frozenset({"timestamptz", "timestamp with time zone", "datetimeoffset"})


def typed(column: Column) -> Typed:
    """The way of one column, by its declared type first and by SQLite's rules of affinity then."""
    kind = column.kind.lower()
    word = kind.split(" ")[0]
    if word in ("boolean", "bool", "bit"):
        return _as(pa.bool_(), _INTEGER, restoring.truths, replace(_INTEGER_LINE, restore=restoring.truths))
    if word == "date":
        return _moment(pa.date32(), restoring.timestamps(pa.date32()))
    if kind in _ZONED:
        stamp = pa.timestamp("us", "UTC")
        return _moment(stamp, restoring.timestamps(stamp, zoned_text=True))
    if word in ("datetime", "timestamp", "datetime2"):
        return _moment(pa.timestamp("us"), restoring.timestamps(pa.timestamp("us")))
    if word == "time":
        return _moment(pa.time64("us"), restoring.of_day)
    if word.startswith(("decimal", "numeric", "number", "dec")):
        return _decimal(column) or _DYNAMIC
    if word in ("binary", "varbinary", "bytea", "image"):
        return _BYTES
    # https://www.sqlite.org/datatype3.html, 3.1: in this order
    if "int" in kind:
        return _INTEGERS
    if any(part in kind for part in ("char", "clob", "text")):
        return _STRINGS
    if "blob" in kind:
        return _BYTES
    if any(part in kind for part in ("real", "floa", "doub")):
        return _FLOATS
    return _DYNAMIC
