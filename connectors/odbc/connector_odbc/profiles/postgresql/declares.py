"""How a field is declared in PostgreSQL: the type that holds every value of it, or the nearest, and what that does not keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_odbc.declaring import Declared, exact, kept_native, plain, wider

__all__ = ["declare", "declared"]

_TYPES = {
    pa.bool_(): exact("boolean"),
    pa.int8(): wider("smallint", "int16"),
    pa.int16(): exact("smallint"),
    pa.int32(): exact("integer"),
    pa.int64(): exact("bigint"),
    pa.uint8(): wider("smallint", "int16"),
    pa.uint16(): wider("integer", "int32"),
    pa.uint32(): wider("bigint", "int64"),
    pa.uint64(): wider("numeric(20,0)", "decimal(20,0)"),
    pa.float16(): wider("real", "float32"),
    pa.float32(): exact("real"),
    pa.float64(): exact("double precision"),
    pa.string(): exact("text"),
    pa.binary(): exact("bytea"),
    pa.date32(): exact("date"),
    pa.uuid(): wider("uuid", "string"),
    pa.month_day_nano_interval(): Declared("interval", "read back as text; finer than microseconds is refused"),
    pa.null(): wider("text", "string"),
}
_BARE = (
    "numeric|character varying|bit varying|bit|money|uuid|json|jsonb|xml|interval|inet|cidr|macaddr|macaddr8|oid|"
    "tsvector|tsquery|time with time zone|time without time zone|timestamp with time zone|"
    "timestamp without time zone|int4range|int8range|numrange|tsrange|tstzrange|daterange|point|line|lseg|box|path|"
    "polygon|circle|bytea|real|double precision|smallint|integer|bigint|boolean|date|text|name|pg_lsn"
)
_SIZED = (
    "numeric|character varying|bit varying|bit|interval|time with time zone|time without time zone|"
    "timestamp with time zone|timestamp without time zone"
)


def declared(field: pa.Field[pa.DataType], *, key: bool = False, keys: Sequence[pa.Field[Any]] = ()) -> Declared:
    """The type for `field`; the one it has in PostgreSQL already, where it comes from there."""
    native = kept_native(field, _BARE, _SIZED, arrays=True)
    if native is not None:
        return Declared(native)
    type_ = plain(field.type)
    kind: Any = type_
    if type_ in _TYPES:
        return _TYPES[type_]
    if pa.types.is_decimal(type_):
        precision, scale = max(kind.precision + max(0, -kind.scale), kind.scale), max(0, kind.scale)
        note = None if 0 <= kind.scale <= kind.precision else f"read back as decimal({precision},{scale})"
        return Declared(f"numeric({precision},{scale})", note)
    if pa.types.is_time(type_):
        return Declared("time(6) without time zone", _fine(kind))
    if pa.types.is_timestamp(type_):
        zone = "with" if kind.tz else "without"
        other = kind.tz not in (None, "UTC")
        return Declared(f"timestamp(6) {zone} time zone", f"the zone {kind.tz}, kept as UTC" if other else _fine(kind))
    if pa.types.is_duration(type_):
        return Declared("interval", "read back as text; finer than microseconds is refused")
    return Declared("json", "read back as JSON text")


def declare(field: pa.Field[pa.DataType]) -> str:
    """The type for `field`, which is no key."""
    return declared(field).type


def _fine(kind: Any) -> str | None:
    if kind.unit == "ns":
        return "finer than microseconds is refused"
    return None if kind.unit == "us" else f"read back in microseconds, not in {kind.unit}"
