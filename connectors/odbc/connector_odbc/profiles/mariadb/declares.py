"""How a field is declared in MariaDB: the type that holds every value of it, or the nearest, and what that does not keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_odbc.declared_type import parse
from connector_odbc.declaring import Declared, exact, kept_native, plain, wider

__all__ = ["declare", "declared"]

KEY_BYTES = 3072 - 8  # of an InnoDB index; a history has the beginning of a version in its key, too
UNLIMITED = 1 << 32  # bytes of a text: more than an index takes
DIGITS, SCALE = 65, 38

_TYPES = {
    pa.bool_(): exact("bit(1)"),
    pa.int8(): exact("tinyint"),
    pa.int16(): exact("smallint"),
    pa.int32(): exact("int"),
    pa.int64(): exact("bigint"),
    pa.uint8(): exact("tinyint unsigned"),
    pa.uint16(): exact("smallint unsigned"),
    pa.uint32(): exact("int unsigned"),
    pa.uint64(): exact("bigint unsigned"),
    pa.float16(): wider("float", "float32"),
    pa.float32(): Declared("float", "NaN and infinities are refused"),
    pa.float64(): Declared("double", "NaN and infinities are refused"),
    pa.string(): exact("longtext"),
    pa.binary(): exact("longblob"),
    pa.date32(): exact("date"),
    pa.uuid(): wider("uuid", "string"),
    pa.null(): wider("varchar(1)", "string"),
}
_BARE = (
    "tinyint|smallint|mediumint|int|bigint|tinyint unsigned|smallint unsigned|mediumint unsigned|int unsigned|"
    "bigint unsigned|float|double|tinytext|text|mediumtext|longtext|tinyblob|blob|mediumblob|longblob|date|"
    "timestamp|year|json|uuid|inet4|inet6"
)
_SIZED = (
    "tinyint|smallint|mediumint|int|bigint|tinyint unsigned|smallint unsigned|mediumint unsigned|int unsigned|"
    "bigint unsigned|decimal|decimal unsigned|bit|varchar|enum|set|binary|varbinary|datetime|timestamp|time|year"
)


def declared(field: pa.Field[pa.DataType], *, key: bool = False, keys: Sequence[pa.Field[Any]] = ()) -> Declared:
    """The type for `field`; the one it has in MariaDB already, where it comes from there. A key fits into an index."""
    found = _declared(field)
    if not key:
        return found
    sizes = [_indexed(_declared(one).type) for one in keys or (field,)]
    if sum(sizes) <= KEY_BYTES:
        return found
    share, size = KEY_BYTES // len(sizes), _indexed(found.type)
    if size <= share:
        return found
    binary = plain(field.type) == pa.binary()
    longest = share if binary else share // 4
    length = longest if size < UNLIMITED else min(255, longest)
    word, what = ("varbinary", "bytes") if binary else ("varchar", "characters")
    return Declared(f"{word}({length})", f"a key of more than {length} {what} is refused")


def _indexed(type_: str) -> int:
    """How many bytes of an index a key of this type takes."""
    parsed = parse(type_)
    if parsed.kind.endswith(("text", "blob", "json")):
        return UNLIMITED
    per = {"varchar": 4, "char": 4, "varbinary": 1, "binary": 1}.get(parsed.kind)
    return 30 if per is None or parsed.length is None else per * parsed.length  # a decimal of 65 digits has 30


def _declared(field: pa.Field[pa.DataType]) -> Declared:
    native = kept_native(field, _BARE, _SIZED)
    if native is not None:
        return Declared(native)
    type_ = plain(field.type)
    kind: Any = type_
    if type_ in _TYPES:
        return _TYPES[type_]
    if pa.types.is_decimal(type_):
        precision, scale = max(kind.precision + max(0, -kind.scale), kind.scale), max(0, kind.scale)
        if precision > DIGITS or scale > SCALE:
            return Declared(f"varchar({precision + 3})", f"{type_} has more digits than MariaDB's decimal: kept as text")
        note = None if 0 <= kind.scale <= kind.precision else f"read back as decimal({precision},{scale})"
        return Declared(f"decimal({precision},{scale})", note)
    if pa.types.is_time(type_):
        return Declared("time(6)", _fine(kind))
    if pa.types.is_timestamp(type_):
        # TIMESTAMP, which knows zones, ends in 2038.
        return Declared("datetime(6)", f"the zone {kind.tz}: kept as the moment in UTC" if kind.tz else _fine(kind))
    if pa.types.is_duration(type_):
        return Declared("bigint", f"that it is a duration: kept as a count of {kind.unit}")
    return Declared("json", "read back as JSON text")


def declare(field: pa.Field[pa.DataType]) -> str:
    """The type for `field`, which is no key."""
    return declared(field).type


def _fine(kind: Any) -> str | None:
    if kind.unit == "ns":
        return "finer than microseconds is refused"
    return None if kind.unit == "us" else f"read back in microseconds, not in {kind.unit}"
