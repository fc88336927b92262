"""How SQL Server's types cross ODBC: numbers and text as they are, moments as text in ISO 8601's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.profiles.standard_types import binary, by_rows, characters, decimal, direct, hexadecimal, moment
from connector_odbc.typed import Typed

__all__ = ["typed"]

_NANO = "a seventh digit of the second that is not 0 is a reject"


def _shortened(expression: str) -> str:
    """`expression`, which has seven digits of the second, without the last one where it is 0."""
    return f"CASE WHEN RIGHT({expression}, 1) = '0' THEN LEFT({expression}, LEN({expression}) - 1) ELSE {expression} END"


_MOMENT = _shortened("CONVERT(varchar(27), CAST({column} AS datetime2(7)), 121)")
_UTC = _shortened("CONVERT(varchar(27), CAST(SWITCHOFFSET({column}, '+00:00') AS datetime2(7)), 121)")
_TIME = _shortened("CONVERT(varchar(16), CAST({column} AS time(7)), 121)")


def _cast(kind: pa.DataType, sql: str, wire: pa.DataType) -> Typed:
    return Typed(type=kind, select=f"CAST({{column}} AS {sql})", wire=wire, restore=restoring.narrowed(kind))


def _long(column: Column) -> Typed:
    return by_rows(column, "CAST({column} AS nvarchar(max))", note=f"{column.native}, as text")


def _long_bytes() -> Typed:
    return Typed(type=pa.binary(), select="CAST({column} AS varbinary(max))", wire=pa.binary(), bulk=False)


_TYPES: Mapping[str, Typed | Callable[[Column], Typed]] = {
    "bit": Typed(type=pa.bool_(), select="CAST({column} AS bigint)", wire=pa.int64(), restore=restoring.truths),
    "tinyint": _cast(pa.uint8(), "bigint", pa.int64()),  # without a sign here
    "smallint": direct(pa.int16()),
    "int": direct(pa.int32()),
    "bigint": direct(pa.int64()),
    **dict.fromkeys(("decimal", "numeric"), decimal),
    # As money, a driver may show it as a float.
    "money": Typed(type=pa.decimal128(19, 4), select="CAST({column} AS decimal(19, 4))", wire=pa.decimal128(19, 4)),
    "smallmoney": Typed(type=pa.decimal128(10, 4), select="CAST({column} AS decimal(10, 4))", wire=pa.decimal128(10, 4)),
    "float": direct(pa.float64()),
    "real": _cast(pa.float32(), "float(53)", pa.float64()),
    **dict.fromkeys(("char", "varchar", "nchar", "nvarchar"), characters),
    **dict.fromkeys(("text", "ntext", "xml", "sql_variant", "hierarchyid"), _long),
    **dict.fromkeys(("binary", "varbinary"), binary),
    **dict.fromkeys(("image", "geometry", "geography"), _long_bytes()),
    # What is called timestamp here is no time.
    **dict.fromkeys(("timestamp", "rowversion"), hexadecimal("CONVERT(varchar(16), CAST({column} AS binary(8)), 2)", 16)),
    "uniqueidentifier": Typed(type=pa.string(), select="CAST({column} AS char(36))", wire=pa.string(), size=36),
    "date": moment(pa.date32(), "CONVERT(varchar(10), {column}, 23)", 10),
    **dict.fromkeys(("datetime", "smalldatetime", "datetime2"), moment(pa.timestamp("us"), _MOMENT, 27, _NANO)),
    "datetimeoffset": moment(pa.timestamp("us", "UTC"), _UTC, 27, f"the moment, in UTC, without its offset; {_NANO}"),
    "time": Typed(type=pa.time64("us"), select=_TIME, wire=pa.string(), restore=restoring.of_day, size=16, note=_NANO),
}


def typed(column: Column) -> Typed:
    """The way of one column; a type that is not known here crosses as its text."""
    found = _TYPES.get(column.kind)
    if found is None:
        return _long(column)
    return found if isinstance(found, Typed) else found(column)
