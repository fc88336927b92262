"""How Oracle's types cross ODBC: DATE has a time of day, NUMBER may have no precision, the server writes moments out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.profiles.standard_types import by_rows, characters, decimal, direct, hexadecimal, moment
from connector_odbc.typed import Typed

__all__ = ["typed"]

_NANO = "digits of the second behind the sixth that are not 0 are rejects"
_TM9 = "TO_CHAR({column}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"


def _written(expression: str) -> str:
    """A moment in ISO 8601's order, with no more digits of the second than it has; a year before Christ keeps its minus."""
    return f"RTRIM(RTRIM(LTRIM(TO_CHAR({expression}, 'SYYYY-MM-DD HH24:MI:SS.FF9')), '0'), '.')"


_UTC = moment(
    pa.timestamp("us", "UTC"), _written("SYS_EXTRACT_UTC({column})"), 30, f"the moment, in UTC, without its zone; {_NANO}"
)


def _number(column: Column) -> Typed:
    if column.precision is None or column.scale is None:
        return Typed(type=pa.string(), select=_TM9, wire=pa.string(), size=64, note="a number of any precision, as text")
    return decimal(column)


def _raw(column: Column) -> Typed:
    return hexadecimal("RAWTOHEX({column})", 2 * column.length if column.length else None)


def _text(select: str) -> Callable[[Column], Typed]:
    return lambda column: by_rows(column, select, note=f"{column.native}, as text")


_TYPES: Mapping[str, Typed | Callable[[Column], Typed]] = {
    "number": _number,
    "float": Typed(type=pa.string(), select=_TM9, wire=pa.string(), size=64, note="a number of any precision, as text"),
    "binary_float": Typed(
        type=pa.float32(), select="TO_BINARY_DOUBLE({column})", wire=pa.float64(), restore=restoring.narrowed(pa.float32())
    ),
    "binary_double": direct(pa.float64()),
    **dict.fromkeys(("char", "nchar", "varchar", "varchar2", "nvarchar2"), characters),
    **dict.fromkeys(("clob", "nclob", "long"), _text("{column}")),
    "raw": _raw,
    "blob": Typed(type=pa.binary(), wire=pa.binary(), bulk=False),
    "date": moment(pa.timestamp("us"), "LTRIM(TO_CHAR({column}, 'SYYYY-MM-DD HH24:MI:SS'))", 20),
    "timestamp": moment(pa.timestamp("us"), _written("{column}"), 30, _NANO),
    "timestamp with time zone": _UTC,
    "timestamp with local time zone": _UTC,
    "interval year to month": _text("TO_CHAR({column})"),
    "interval day to second": _text("TO_CHAR({column})"),
    "rowid": Typed(type=pa.string(), select="ROWIDTOCHAR({column})", wire=pa.string(), size=18),
    "xmltype": _text("XMLSERIALIZE(CONTENT {column} AS CLOB)"),
}


def typed(column: Column) -> Typed:
    """The way of one column; a type that is not known here crosses as the driver writes it."""
    found = _TYPES.get(column.kind)
    if found is None:
        return by_rows(column)
    return found if isinstance(found, Typed) else found(column)
