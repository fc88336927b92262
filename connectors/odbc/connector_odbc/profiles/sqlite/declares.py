"""How a field is declared in SQLite, where the words of a declaration say what a value is converted to, and how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_odbc.declaring import Declared, exact, kept_native, plain, wider

__all__ = ["declare", "declared"]

_WIDER = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32())
_TYPES: dict[pa.DataType, Declared] = {
    pa.bool_(): exact("boolean"),
    **{kind: wider("bigint", "int64") for kind in _WIDER},
    pa.int64(): exact("bigint"),
    pa.uint64(): wider("decimal text(20,0)", "decimal(20,0)"),
    pa.float16(): Declared("double", "read back as float64; NaN is refused"),
    pa.float32(): Declared("double", "read back as float64; NaN is refused"),
    pa.float64(): Declared("double", "NaN is refused"),
    pa.string(): exact("text"),
    pa.binary(): exact("blob"),
    pa.date32(): exact("date"),
    pa.uuid(): wider("text", "string"),
    pa.null(): wider("text", "string"),
}
_BARE = (
    "varchar|character varying|nvarchar|char|character|clob|text|blob|date|datetime|timestamp|time|boolean|integer|"
    "int|bigint|double|real|float"
)
_SIZED = "varchar|character varying|nvarchar|char|character"


def declared(field: pa.Field[pa.DataType], *, key: bool = False, keys: Sequence[pa.Field[Any]] = ()) -> Declared:
    """The type for `field`; the one it has in SQLite already, where it comes from there."""
    native = kept_native(field, _BARE, _SIZED)
    if native is not None:
        return Declared(native)
    type_ = plain(field.type)
    kind: Any = type_
    if type_ in _TYPES:
        return _TYPES[type_]
    if pa.types.is_decimal(type_):
        precision, scale = max(kind.precision + max(0, -kind.scale), kind.scale), max(0, kind.scale)
        note = None if 0 <= kind.scale <= kind.precision else f"read back as decimal({precision},{scale})"
        # As text: a decimal of SQLite's own is a float.
        return Declared(f"decimal text({precision},{scale})", note)
    if pa.types.is_time(type_):
        return Declared("time", _fine(kind))
    if pa.types.is_timestamp(type_):
        other = kind.tz not in (None, "UTC")
        note = f"the zone {kind.tz}, kept as UTC" if other else _fine(kind)
        return Declared("timestamp with time zone" if kind.tz else "timestamp", note)
    if pa.types.is_duration(type_):
        return Declared("bigint", f"that it is a duration: kept as a count of {kind.unit}")
    return Declared("text", "read back as JSON text")


def declare(field: pa.Field[pa.DataType]) -> str:
    """The type for `field`, which is no key."""
    return declared(field).type


def _fine(kind: Any) -> str | None:
    if kind.unit == "ns":
        return "finer than microseconds is refused"
    return None if kind.unit == "us" else f"read back in microseconds, not in {kind.unit}"
