"""How types of the SQL standard cross a driver of which nothing is known: what has one ODBC type and one meaning is trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.declaring import standard
from connector_odbc.typed import Typed

__all__ = ["binary", "by_rows", "characters", "decimal", "declare", "direct", "hexadecimal", "moment", "typed"]

WIDE = 250
"""Of texts that are declared longer than this, a batch does not make room for the longest there could be."""


def direct(kind: pa.DataType) -> Typed:
    """A type that the bulk reader is asked for as it is."""
    return Typed(type=kind, wire=kind)


def characters(column: Column) -> Typed:
    """Text; of short ones, room for four bytes per character."""
    size = None if column.length is None or column.length > WIDE else 4 * column.length
    return Typed(type=pa.string(), wire=pa.string(), size=size)


def binary(column: Column) -> Typed:
    """Bytes."""
    size = None if column.length is None or column.length > 4 * WIDE else column.length
    return Typed(type=pa.binary(), wire=pa.binary(), size=size)


def hexadecimal(select: str, size: int | None = None) -> Typed:
    """Bytes that `select` shows as hexadecimal digits."""
    return Typed(type=pa.binary(), select=select, wire=pa.string(), restore=restoring.hexadecimal, size=size)


def by_rows(column: Column, select: str = "{column}", note: str | None = None) -> Typed:
    """Text as the driver makes it, row by row: it is never cut so."""
    return Typed(
        type=pa.string(),
        select=select,
        wire=pa.string(),
        bulk=False,
        note=note or f"{column.native}, as text as the driver writes it",
    )


def decimal(column: Column) -> Typed:
    """A decimal of the declared precision and scale; text where none is declared, or where it is more than 38 digits."""
    precision, scale = column.precision, column.scale or 0
    if precision is None or precision > 38 or not 0 <= scale <= precision:
        return by_rows(column)
    return direct(pa.decimal128(precision, scale))


def moment(kind: pa.DataType, select: str, size: int, note: str | None = None) -> Typed:
    """A date or timestamp (`kind`) that `select` writes in ISO 8601's order, in UTC where `kind` has a zone."""
    return Typed(type=kind, select=select, wire=pa.string(), restore=restoring.timestamps(kind), size=size, note=note)


_TYPES: Mapping[str, Typed | Callable[[Column], Typed]] = {
    "tinyint": direct(pa.int16()),  # with a sign on some systems, without on others
    **dict.fromkeys(("smallint", "int2"), direct(pa.int16())),
    **dict.fromkeys(("integer", "int", "int4"), direct(pa.int32())),
    **dict.fromkeys(("bigint", "int8"), direct(pa.int64())),
    **dict.fromkeys(("decimal", "numeric", "dec"), decimal),
    **dict.fromkeys(("real", "float", "double", "double precision", "float4", "float8"), direct(pa.float64())),
    **dict.fromkeys(
        ("char", "character", "bpchar", "varchar", "character varying", "nchar", "nvarchar", "national character"), characters
    ),
    **dict.fromkeys(("binary", "varbinary", "binary varying"), binary),
    "date": direct(pa.date32()),
}


def typed(column: Column) -> Typed:
    """The way of one column; what is not trusted crosses as text, row by row, and says so."""
    found = _TYPES.get(column.kind)
    if found is None:
        return by_rows(column)
    return found if isinstance(found, Typed) else found(column)


def declare(field: pa.Field[pa.DataType]) -> str:
    """The standard's own type for `field`."""
    return standard(field).type
