"""What a declaration of a column keeps of an Arrow field, and when the type that the field had in this very system is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from connector_sdk.schema import native_of

from connector_odbc.declared_type import parse

__all__ = ["Declared", "exact", "kept_native", "plain", "standard", "wider"]


@dataclass(frozen=True)
class Declared:
    """A type for DDL. `note` says what of the field it does not keep, None where it keeps everything."""

    type: str
    note: str | None = None


def exact(type_: str) -> Declared:
    """A type that keeps everything."""
    return Declared(type_)


def wider(type_: str, back: str) -> Declared:
    """A type that keeps every value, and comes back as another one."""
    return Declared(type_, f"read back as {back}")


def plain(type_: pa.DataType) -> pa.DataType:
    """`type_` without what is only a layout in memory: dictionaries, views, large offsets, fixed widths, other extensions."""
    t = pa.types
    kind: Any = type_
    if t.is_dictionary(type_) or t.is_run_end_encoded(type_):
        return plain(kind.value_type)
    if isinstance(type_, pa.BaseExtensionType) and type_ != pa.uuid():
        return plain(type_.storage_type)
    if t.is_large_string(type_) or t.is_string_view(type_):
        return pa.string()
    if t.is_large_binary(type_) or t.is_binary_view(type_) or t.is_fixed_size_binary(type_):
        return pa.binary()
    return pa.date32() if t.is_date64(type_) else type_


def kept_native(field: pa.Field[pa.DataType], bare: str = "", sized: str = "", *, arrays: bool = False) -> str | None:
    """The field's native type, where its kind is one of `bare` without parameters, or of `sized` with them (regular expressions).

    The caller checks that it reads the same: another system may call something else so.
    """
    native = native_of(field)
    if native is None or not re.fullmatch(r"[\w ]+(\([\w ,'\-]*\))?[\w ]*(\[\])*", native):
        return None
    one = native.rstrip("[]") if arrays else native
    return native if re.fullmatch(sized if "(" in one else bare, parse(one).kind) else None


_STANDARD: dict[pa.DataType, Declared] = {
    pa.bool_(): wider("smallint", "int16"),
    pa.int8(): wider("smallint", "int16"),
    pa.int16(): exact("smallint"),
    pa.int32(): exact("integer"),
    pa.int64(): exact("bigint"),
    pa.uint8(): wider("smallint", "int16"),
    pa.uint16(): wider("integer", "int32"),
    pa.uint32(): wider("bigint", "int64"),
    pa.uint64(): wider("decimal(20,0)", "decimal(20,0)"),
    pa.float16(): wider("real", "float32"),
    pa.float32(): exact("real"),
    pa.float64(): exact("double precision"),
    pa.date32(): exact("date"),
}


def standard(field: pa.Field[pa.DataType], *, key: bool = False, keys: Sequence[pa.Field[Any]] = ()) -> Declared:
    """A type of the SQL standard (ISO/IEC 9075-2, 6.1) for `field`."""
    type_ = plain(field.type)
    kind: Any = type_
    if type_ in _STANDARD:
        return _STANDARD[type_]
    if pa.types.is_decimal(type_) and 0 <= kind.scale <= kind.precision <= 38:
        return Declared(f"decimal({kind.precision},{kind.scale})")
    if pa.types.is_time(type_):
        return Declared("time", "as finely as the database keeps times")
    if pa.types.is_timestamp(type_):
        return Declared("timestamp", "as finely as the database keeps timestamps" + (", in UTC" if kind.tz else ""))
    if type_ == pa.binary():
        return Declared("varbinary(4000)", "longer than 4000 bytes is refused")
    length = 255 if key else 4000
    return Declared(f"varchar({length})", f"more than {length} characters are refused")
