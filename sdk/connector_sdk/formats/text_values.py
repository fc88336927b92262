"""Columns as the values that JSON has, and back, without losing a digit. CSV and JSON lines share these decisions.

=================== ============================================================================================================
bool, integers      as they are; integers of 64 bits too, since a column has one kind of value
float               a number; ``"NaN"``, ``"Infinity"``, ``"-Infinity"`` as text, since JSON has none (RFC 8259, section 6)
decimal             text, ``"12.30"``: ordinary JSON readers make a double of a number
date, time          ISO 8601 text, ``"2024-01-31"``, ``"13:45:00.123456"``
timestamp           ISO 8601 text; of a zone, the instant in UTC, ``"2024-01-31T12:00:00.000000Z"``: the zone is the schema's
duration            ISO 8601 text in seconds, ``"PT90.5S"``
binary              base64 text (RFC 4648, section 4)
uuid                text with hyphens (RFC 9562, section 4)
list, struct        array, object
map                 object when its keys are text, else an array of objects of ``key`` and ``value``
interval            object of ``months``, ``days`` and ``nanoseconds``
=================== ============================================================================================================
"""

from __future__ import annotations

import binascii
import math
import re
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from connector_sdk.formats.format import EVERY_FIELD, VALUES, Kept, Loss
from connector_sdk.formats.reshape import INTERVAL, Array, is_list, list_parts, paths, reshape, struct_array, wider_decimal

__all__ = ["decimal_text", "from_values", "is_text", "text_losses", "to_timestamps", "to_values", "within_years"]

Values: TypeAlias = "list[Any]"

_compute: Any = pc
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, as days since 1970-01-01
_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_DURATION = re.compile(r"(-?)PT(\d+)(?:\.(\d{1,9}))?S", re.ASCII)


def text_losses(schema: pa.Schema) -> list[Loss]:
    """What no text format keeps."""
    found = [Loss(EVERY_FIELD, "types, nullability and metadata: name the schema when reading", Kept.BY_SCHEMA)]
    for path, type_ in paths(schema):
        kind: Any = type_
        if pa.types.is_date(type_) or (pa.types.is_timestamp(type_) and kind.unit != "ns"):
            found.append(Loss(path, f"{VALUES}outside the years 1 to 9999", Kept.REFUSED))
        elif pa.types.is_map(type_):
            found.append(Loss(path, f"{VALUES}with a key twice", Kept.REFUSED))
        elif pa.types.is_struct(type_) and len({field.name for field in kind}) < len(kind):
            found.append(Loss(path, "a struct with two fields of one name", Kept.REFUSED))
        elif pa.types.is_dictionary(type_) and kind.ordered:
            found.append(Loss(path, "the order of the categories"))
        elif pa.types.is_decimal(type_) and wider_decimal(type_) is None:
            found.append(Loss(path, f"the type {type_}: over 76 digits", Kept.REFUSED))
        elif pa.types.is_union(type_) or pa.types.is_run_end_encoded(type_):
            found.append(Loss(path, f"the type {type_}", Kept.REFUSED))
    return found


def to_values(array: Array) -> Values:
    """What JSON says for each value. Raises ArrowInvalid for a value that has no text."""
    t = pa.types
    kind: Any = array.type
    source: Any = array
    if kind == pa.uuid():
        return [None if data is None else str(uuid.UUID(bytes=data)) for data in source.storage.to_pylist()]
    if isinstance(kind, pa.BaseExtensionType):
        return to_values(source.storage)
    if t.is_dictionary(kind):
        return to_values(reshape(array, kind.value_type))
    if t.is_floating(kind):
        return _floats(array)
    if t.is_decimal(kind):
        return decimal_text(array).to_pylist()
    if t.is_temporal(kind):
        return to_values(reshape(array, INTERVAL)) if kind == pa.month_day_nano_interval() else _times(array)
    if _is_binary(kind):
        return [None if data is None else binascii.b2a_base64(data, newline=False).decode() for data in array.to_pylist()]
    if t.is_struct(kind):
        return _structs(source)
    if t.is_map(kind):
        return _maps(source)
    return _lists(array, to_values) if is_list(kind) else array.to_pylist()


def _is_binary(type_: pa.DataType) -> bool:
    t = pa.types
    return t.is_binary(type_) or t.is_large_binary(type_) or t.is_fixed_size_binary(type_) or t.is_binary_view(type_)


def decimal_text(array: Array) -> Array:
    """Decimals as text without exponents, which Arrow writes for small and for whole hundreds."""
    text: Any = array.cast(pa.string())
    if not _compute.any(_compute.match_substring(text, "E"), min_count=0).as_py():
        return text  # type: ignore[no-any-return]
    return pa.array([None if value is None else format(Decimal(value), "f") for value in text.to_pylist()], pa.string())


def _floats(array: Array) -> Values:
    values = array.cast(pa.float32()).to_pylist() if array.type == pa.float16() else array.to_pylist()
    if _compute.all(_compute.is_finite(array.cast(pa.float64())), min_count=0).as_py() is not False:
        return values
    return [value if value is None or math.isfinite(value) else _not_finite(value) for value in values]


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _times(array: Array) -> Values:
    kind: Any = array.type
    if pa.types.is_duration(kind):
        return [None if count is None else _duration(count, kind.unit) for count in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_date64(kind):
        array = array.cast(pa.date32())
    within_years(array)
    if not pa.types.is_timestamp(kind):
        return array.cast(pa.string()).to_pylist()
    if kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))
    return iso_text(array).to_pylist()  # type: ignore[no-any-return]


def within_years(array: Array) -> None:
    """Raise ArrowInvalid for dates and timestamps whose year has not four digits."""
    kind: Any = array.type
    if pa.types.is_date32(kind):
        numbers, day = array.cast(pa.int32()).cast(pa.int64()), 1
    elif pa.types.is_timestamp(kind):
        numbers, day = array.cast(pa.int64()), 86_400 * _SECOND[kind.unit]
    else:
        return
    bounds = _compute.min_max(numbers).as_py()
    if bounds["min"] is not None and (bounds["min"] < _FIRST_DAY * day or bounds["max"] >= (_LAST_DAY + 1) * day):
        raise pa.ArrowInvalid("a date outside the years 1 to 9999")


def _duration(count: int, unit: str) -> str:
    whole, part = divmod(abs(count), _SECOND[unit])
    fraction = f".{part:0{_DIGITS[unit]}d}" if part else ""
    return f"{'-' if count < 0 else ''}PT{whole}{fraction}S"


def _structs(source: Any) -> Values:
    names = [field.name for field in source.type]
    columns = [to_values(column) for column in source.flatten()]
    rows: Iterable[Any] = zip(*columns, strict=True) if columns else ([()] * len(source))
    return [
        dict(zip(names, row, strict=True)) if there else None
        for row, there in zip(rows, source.is_valid().to_pylist(), strict=True)
    ]


def _lists(array: Array, convert: Callable[[Array], Values]) -> Values:
    offsets, items = list_parts(array)
    values = convert(items)
    bounds = offsets.tolist()
    valid = array.is_valid().to_pylist()
    return [values[start:end] if there else None for start, end, there in zip(bounds, bounds[1:], valid, strict=False)]


def _maps(source: Any) -> Values:
    text_keys = is_text(source.type.key_type)

    def pairs(entries: Any) -> Values:
        keys, values = to_values(entries.field(0)), to_values(entries.field(1))
        return list(zip(keys, values, strict=True))

    made: Values = []
    for items in _lists(source, pairs):
        if items is not None and len({key for key, _ in items}) < len(items):
            raise pa.ArrowInvalid("a map has a key twice")
        objects = None if items is None else dict(items) if text_keys else [{"key": key, "value": value} for key, value in items]
        made.append(objects)
    return made


def is_text(type_: pa.DataType) -> bool:
    """Whether values are text in Arrow itself."""
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)


def from_values(values: Values, type_: pa.DataType) -> Array:
    """The array that `to_values` gave `values` of. Raises ArrowInvalid, ValueError or TypeError for what is no such value."""
    t = pa.types
    kind: Any = type_
    if kind == pa.uuid():
        storage = pa.array([None if text is None else _uuid(text).bytes for text in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(kind, storage)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, from_values(values, kind.storage_type))
    if t.is_dictionary(kind):
        return reshape(from_values(values, kind.value_type), kind)
    if t.is_floating(kind):
        return _to_floats(values, kind)
    if t.is_decimal(kind):
        return _to_decimals(values, kind)
    if t.is_temporal(kind):
        return reshape(from_values(values, INTERVAL), kind) if kind == pa.month_day_nano_interval() else _to_times(values, kind)
    if _is_binary(kind):
        decoded = [None if text is None else binascii.a2b_base64(text, strict_mode=True) for text in values]
        return reshape(pa.array(decoded, pa.binary()), kind)
    if t.is_struct(kind):
        return _to_structs(values, kind)
    if t.is_map(kind):
        return _to_maps(values, kind)
    if is_list(kind):
        return _to_lists(values, kind, lambda items: from_values(items, kind.value_type))
    return _to_plain(values, type_)


def _uuid(text: Any) -> uuid.UUID:
    if not isinstance(text, str):
        raise ValueError(f"{type(text).__name__} where str is expected")
    return uuid.UUID(text)


def _to_plain(values: Values, type_: pa.DataType) -> Array:
    """Values that JSON and Arrow both have. Arrow itself would cut 1.5 to the integer 1, and take true for it."""
    t = pa.types
    kinds = set(map(type, values)) - {type(None)}
    expected = bool if t.is_boolean(type_) else int if t.is_integer(type_) else str
    if expected is int and float in kinds:
        values = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
        kinds = set(map(type, values)) - {type(None)}
    if not kinds <= {expected}:
        raise ValueError(
            f"{', '.join(sorted(kind.__name__ for kind in kinds - {expected}))} where {expected.__name__} is expected"
        )
    made: Array = pa.array(values, type_)
    return made


def _to_floats(values: Values, kind: Any) -> Array:
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    kinds = set(map(type, values))
    if bool in kinds:
        raise ValueError("true or false where a number is expected")
    if not kinds.isdisjoint((str, Decimal)):
        values = [words[v] if isinstance(v, str) else float(v) if isinstance(v, Decimal) else v for v in values]
    return reshape(pa.array(values, pa.float32() if kind == pa.float16() else kind), kind)


def _to_decimals(values: Values, kind: Any) -> Array:
    text = pa.array([None if value is None else str(value) for value in values], pa.string())
    wide = wider_decimal(kind)
    assert wide is not None  # refused by text_losses
    return reshape(text.cast(wide), kind)


def _to_times(values: Values, kind: Any) -> Array:
    if pa.types.is_duration(kind):
        return pa.array([None if text is None else _count(text, kind.unit) for text in values], pa.int64()).cast(kind)
    text: Any = pa.array(values, pa.string())
    if pa.types.is_time(kind):
        moment = _compute.binary_join_element_wise(pa.scalar("1970-01-01T"), text, pa.scalar(""))
        return moment.cast(pa.timestamp(kind.unit)).cast(kind)  # type: ignore[no-any-return]
    if pa.types.is_timestamp(kind):
        return to_timestamps(text, kind)
    return text.cast(kind)  # type: ignore[no-any-return]


def to_timestamps(text: Any, kind: Any) -> Array:
    """ISO 8601 texts as timestamps of the type `kind`: with a zone or an offset when it has a zone, without when not."""
    plain = pa.timestamp(kind.unit, None if kind.tz is None else "UTC")
    try:
        return text.cast(plain).cast(kind)  # type: ignore[no-any-return]
    except pa.ArrowInvalid:
        if kind.unit != "ns":
            raise
    # Arrow does not parse the first second that nanoseconds reach, 1677-09-21T00:12:43.145224192, although it writes it.
    seconds = _compute.utf8_replace_slice(text, 19, 29, "").cast(pa.timestamp("s", plain.tz)).cast(pa.int64())
    parts = _compute.utf8_slice_codeunits(text, 20, 29).cast(pa.int64())
    moments = _compute.add(_compute.multiply(seconds, 10**9), parts).cast(plain)
    if iso_text(moments) != text:
        raise pa.ArrowInvalid("a text is no timestamp with nanoseconds")
    return moments.cast(kind)  # type: ignore[no-any-return]


def iso_text(array: Any) -> Any:
    """Timestamps of no zone or of UTC as ISO 8601 texts."""
    return _compute.binary_replace_slice(array.cast(pa.string()), 10, 11, "T")


def _count(text: str, unit: str) -> int:
    found = _DURATION.fullmatch(text)
    digits = _DIGITS[unit]
    if found is None or len((found[3] or "").rstrip("0")) > digits:
        raise ValueError(f"{text!r} is no duration of at most {digits} decimals, as in PT90.5S")
    count = int(found[2]) * _SECOND[unit] + int((found[3] or "").ljust(digits, "0")[:digits] or "0")
    return -count if found[1] else count


def _to_structs(values: Values, kind: Any) -> Array:
    names = [field.name for field in kind]
    known = set(names)
    for value in values:
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"an object was expected, not {type(value).__name__}")
        if value is not None and not known.issuperset(value):
            raise ValueError(f"the unknown key {next(key for key in value if key not in known)!r}")
    rows = [value if value is not None else {} for value in values]
    columns = [from_values([row.get(name) for row in rows], field.type) for name, field in zip(names, kind, strict=True)]
    there = pa.array([None if value is None else {} for value in values], pa.struct([]))
    return struct_array(columns, list(kind), there)


def _to_lists(values: Values, kind: Any, convert: Callable[[Values], Array]) -> Array:
    offsets = [0]
    items: Values = []
    for value in values:
        if value is not None and not isinstance(value, list):
            raise ValueError(f"a list was expected, not {type(value).__name__}")
        items += value or ()
        offsets.append(len(items))
    missing = pa.array([value is None for value in values], pa.bool_())
    plain = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), convert(items), mask=missing)
    return reshape(plain, kind)


def _to_maps(values: Values, kind: Any) -> Array:
    entry = pa.struct([pa.field("key", kind.key_type, nullable=False), kind.item_field.with_name("value")])
    lists = [[{"key": k, "value": v} for k, v in one.items()] if isinstance(one, dict) else one for one in values]
    return _to_lists(lists, kind, lambda items: from_values(items, entry))
