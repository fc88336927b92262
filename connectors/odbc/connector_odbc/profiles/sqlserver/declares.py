"""How a field is declared in SQL Server, where ``timestamp`` is no time and ``nvarchar`` the text of every language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_odbc.declaring import Declared, exact, plain, standard, wider

__all__ = ["declare", "declared"]

_TYPES = {
    pa.bool_(): exact("bit"),
    pa.uint8(): exact("tinyint"),
    pa.float64(): exact("float(53)"),
    pa.uuid(): wider("uniqueidentifier", "string"),
}


def declared(field: pa.Field[pa.DataType], *, key: bool = False, keys: Sequence[pa.Field[Any]] = ()) -> Declared:
    """The type for `field`; an index has 900 bytes for its `keys`."""
    kind: Any = plain(field.type)
    if kind in _TYPES:
        return _TYPES[kind]
    if pa.types.is_timestamp(kind):
        return exact("datetimeoffset(6)" if kind.tz == "UTC" else "datetime2(6)") if kind.unit == "us" else _finer(kind)
    if pa.types.is_time(kind):
        return Declared("time(7)", "as finely as 100 nanoseconds" if kind.unit == "ns" else None)
    room = 900 // max(1, len(keys)) if key else None
    if kind == pa.binary():
        return Declared(f"varbinary({room})", f"longer than {room} bytes is refused") if room else exact("varbinary(max)")
    found = standard(field, key=key, keys=keys)
    if found.type.startswith("varchar"):
        return (
            Declared(f"nvarchar({room // 2})", f"more than {room // 2} characters are refused")
            if room
            else exact("nvarchar(max)")
        )
    return found


def _finer(kind: Any) -> Declared:
    zoned = "datetimeoffset(7)" if kind.tz else "datetime2(7)"
    return Declared(zoned, "as finely as 100 nanoseconds" if kind.unit == "ns" else "read back in microseconds")


def declare(field: pa.Field[pa.DataType]) -> str:
    """The type for `field`, which is no key."""
    return declared(field).type
