"""Arrow values as a server takes them exactly: numbers, texts in ISO 8601, bytes; what has no exact form is refused by value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from connector_sdk.formats.text_values import decimal_text, to_values, within_years

from connector_odbc.catalogue import Column
from connector_odbc.typed import AnyArray

__all__ = ["Encoded", "Encoding", "encode"]

Mask: TypeAlias = "pa.BooleanArray"
_compute: Any = pc
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_TOO_FINE = "more than {} digits in the fraction of a second"
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a system takes. `nul`: text with a NUL in it. `nan`, `infinite`: floats that are no numbers. `boolean`: has a type
    for truth, else it is 0 and 1. `interval`: has a type for durations, else they are counts of their unit. `zone` is what is
    written after a moment in UTC, into columns of the kinds `zones`. `lengths`: the length that a column declares holds.
    `affinity`: as in SQLite, a text that looks like a number becomes one in a column that is not declared as text. `bits`: as in
    MariaDB, bits are bytes, and a char is without spaces at its end. ``changed(values, column)`` tells, with the reasons, where
    the server would keep something else than the encoded values without a word."""

    nul: bool = True
    nan: bool = True
    infinite: bool = True
    boolean: bool = True
    interval: bool = False
    zone: str = "+00:00"
    zones: tuple[str, ...] = ("timestamp with time zone",)
    lengths: bool = True
    affinity: bool = False
    bits: bool = False
    changed: Callable[[AnyArray, Column], Iterable[tuple[Any, str]]] = lambda values, column: ()


@dataclass(frozen=True)
class Encoded:
    """`values` are integers, floats, binary, or text; `kind` says what the text is. `refusals` are masks with their reasons."""

    values: AnyArray
    kind: str
    refusals: tuple[tuple[Mask, str], ...] = field(default=())


def encode(array: AnyArray, column: Column | None, how: Encoding) -> Encoded:
    """`array` for a `column` of its target (None: one of ours), as `how` has it."""
    made = _encode(array, column, how)
    if column is None:
        return made
    changed = [found for condition, reason in how.changed(made.values, column) for found in _found(condition, reason)]
    return replace(made, refusals=(*made.refusals, *changed)) if changed else made


def _encode(array: AnyArray, column: Column | None, how: Encoding) -> Encoded:
    t = pa.types
    kind: Any = array.type
    source: Any = array
    if t.is_dictionary(kind):
        return _encode(source.dictionary.take(source.indices), column, how)
    if isinstance(kind, pa.BaseExtensionType) and kind != pa.uuid():
        return _encode(source.storage, column, how)
    if t.is_null(kind):
        return Encoded(pa.nulls(len(array), pa.string()), "text")
    if t.is_boolean(kind):
        return Encoded(array if how.boolean else _cast(array, pa.int64()), "boolean" if how.boolean else "integer")
    if kind == pa.uint64():
        return Encoded(_cast(array, pa.string()), "decimal")
    if t.is_integer(kind):
        return Encoded(_cast(array, pa.int64()), "integer")
    if t.is_floating(kind):
        return _floats(array, how)
    if t.is_decimal(kind):
        return _decimals(array, column, how)
    if t.is_date(kind) or t.is_timestamp(kind) or t.is_time(kind):
        return _moments(array, column, how)
    if t.is_duration(kind):
        return _durations(array, column, how)
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind) or t.is_fixed_size_binary(kind):
        return Encoded(_cast(array, pa.binary()), "binary", tuple(_long_bytes(array, column) if how.lengths else ()))
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        text, wrong = _utf8(_cast(array, pa.string()))
        if how.bits and column is not None and column.kind == "bit":
            return _bits(text, column)
        return Encoded(text, "text", (*wrong, *_bad_text(text, column, how)))
    if kind == pa.uuid():
        return Encoded(pa.array(to_values(array), pa.string()), "text")
    if kind == pa.month_day_nano_interval() and how.interval:
        return _intervals(array, column)
    return _json(array)


def _cast(array: AnyArray, kind: pa.DataType) -> AnyArray:
    return array if array.type == kind else array.cast(kind)


def _mask(condition: Any) -> Mask | None:
    """Where `condition` is true; None where it is nowhere."""
    filled = _compute.fill_null(condition, False)
    return filled if _compute.any(filled, min_count=0).as_py() else None


def _found(condition: Any, reason: str) -> Iterator[tuple[Mask, str]]:
    mask = _mask(condition)
    if mask is not None:
        yield mask, reason


def _floats(array: AnyArray, how: Encoding) -> Encoded:
    values = array if array.type == pa.float64() else _cast(array, pa.float32())
    wide = _cast(values, pa.float64())
    refusals: list[tuple[Mask, str]] = []
    if not how.nan:
        refusals += _found(_compute.is_nan(wide), "there is no NaN in this database")
    if not how.infinite:
        refusals += _found(_compute.is_inf(wide), "there is no infinity in this database")
    return Encoded(values, "float", tuple(refusals))


def _decimals(array: AnyArray, column: Column | None, how: Encoding) -> Encoded:
    text: Any = decimal_text(array)
    refusals = list(_scale(array, column))
    if how.affinity and column is not None and not _is_text(column):
        digits = _compute.replace_substring_regex(text, "^-?0*\\.?0*|\\.0*$|\\.", "")
        whole = _compute.match_substring_regex(text, "^-?\\d{1,18}(\\.0*)?$")
        long = _compute.and_(_compute.greater(_compute.utf8_length(digits), 15), _compute.invert(whole))
        refusals += _found(long, f"more than the 15 digits that a column declared {column.native} keeps")
    return Encoded(text, "decimal", tuple(refusals))


def _is_text(column: Column) -> bool:
    """Whether SQLite keeps what is written as it is (https://www.sqlite.org/datatype3.html, 3.1)."""
    kind = column.kind.lower()
    return "int" not in kind and (any(part in kind for part in ("char", "clob", "text", "blob")) or not kind)


def _scale(array: AnyArray, column: Column | None) -> Iterator[tuple[Mask, str]]:
    """The server would round what has more digits after the point than its column."""
    kind: Any = array.type
    if column is None or column.scale is None or kind.scale <= column.scale:
        return
    rounded = _compute.round(array, ndigits=column.scale)
    yield from _found(_compute.not_equal(rounded, array), f"more than {column.scale} digits after the point")


def _utf8(text: AnyArray) -> tuple[AnyArray, list[tuple[Mask, str]]]:
    """Files may have bytes for text that are none, which nobody has looked at before."""
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        mask = pa.array([_is_no_text(data) for data in text.cast(pa.binary()).to_pylist()], pa.bool_())
        return _without(text, mask), list(_found(mask, "bytes that are no text in UTF-8"))
    return text, []


def _is_no_text(data: bytes | None) -> bool:
    try:
        (data or b"").decode()
    except UnicodeDecodeError:
        return True
    return False


def _bits(text: AnyArray, column: Column) -> Encoded:
    """Text of 0 and 1 as the bytes that MariaDB keeps of it."""
    length = column.length or 1
    size, found, wrong = (length + 7) // 8, list[bytes | None](), list[bool]()
    for value in text.to_pylist():
        right = value is None or (value != "" and len(value) <= length and not value.strip("01"))
        wrong.append(not right)
        found.append(int(value, 2).to_bytes(size, "big") if right and value is not None else None)
    return Encoded(
        pa.array(found, pa.binary()), "binary", tuple(_found(pa.array(wrong), f"not {length} bits, as text of 0 and 1"))
    )


def _bad_text(text: AnyArray, column: Column | None, how: Encoding) -> Iterator[tuple[Mask, str]]:
    if not how.nul:
        yield from _found(_compute.match_substring(text, "\0"), "text with a NUL character, which this database cannot hold")
    if how.affinity and column is not None and not _is_text(column):
        number = _compute.match_substring_regex(text, _NUMBER)
        yield from _found(number, f"text that a column declared {column.native} would keep as a number")
    if how.bits and column is not None and column.kind == "char":
        yield from _found(_compute.ends_with(text, " "), f"spaces at its end, which a column declared {column.native} drops")
    # Servers cut trailing spaces off a text that is too long without a word.
    if how.lengths and column is not None and column.length is not None and "char" in column.kind:
        yield from _found(_compute.greater(_compute.utf8_length(text), column.length), f"longer than {column.length} characters")


def _long_bytes(array: AnyArray, column: Column | None) -> Iterator[tuple[Mask, str]]:
    if column is not None and column.length is not None and "binary" in column.kind:
        length = _compute.binary_length(_cast(array, pa.binary()))
        yield from _found(_compute.greater(length, column.length), f"longer than {column.length} bytes")


def _moments(array: AnyArray, column: Column | None, how: Encoding) -> Encoded:
    t = pa.types
    kind: Any = array.type
    name = "date" if t.is_date(kind) else "time" if t.is_time(kind) else "timestamp"
    refusals: list[tuple[Mask, str]] = []
    if t.is_date64(kind):
        array = array.view(pa.timestamp("ms"))
    if name != "time":
        array, refusals = _within_years(array)
    if t.is_date64(kind):
        days = _cast(_compute.floor_temporal(array, unit="day"), array.type)
        refusals += _found(_compute.not_equal(days, array), "a date with a time of the day")
        array = days.cast(pa.date32())
    elif name != "date":
        array, finer = _microseconds(array, column)
        refusals += finer
    zoned = name == "timestamp" and kind.tz is not None
    if zoned:
        array = array.cast(pa.timestamp("us", "UTC")).view(pa.int64()).view(pa.timestamp("us"))
    text: Any = array.cast(pa.string())
    if zoned and column is not None and column.kind in how.zones:
        text = _compute.binary_join_element_wise(text, how.zone, "")
        name = "timestamp with time zone"
    return Encoded(text, name, tuple(refusals))


def _microseconds(array: Any, column: Column | None) -> tuple[AnyArray, list[tuple[Mask, str]]]:
    """Times and timestamps in microseconds; what is finer than its column is refused, for the server would round it."""
    kind = array.type
    counts = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    refusals = list(_finer(counts, _UNITS[kind.unit], _digits(column)))
    fine = pa.time64("us") if pa.types.is_time(kind) else pa.timestamp("us", kind.tz)
    if kind == fine:
        return array, refusals
    if kind.unit == "ns":
        return _compute.divide(counts, 1000).view(fine), refusals
    return array.cast(fine), refusals


def _within_years(array: Any) -> tuple[AnyArray, list[tuple[Mask, str]]]:
    try:
        within_years(array)
    except pa.ArrowInvalid:
        days = pa.types.is_date32(array.type)
        numbers = array.view(pa.int32() if days else pa.int64()).cast(pa.int64())
        day = 1 if days else 86_400 * _UNITS[array.type.unit]
        outside = _compute.or_(_compute.less(numbers, -719_162 * day), _compute.greater_equal(numbers, 2_932_897 * day))
        return _without(array, outside), list(_found(outside, "a date outside the years 1 to 9999"))
    return array, []


def _without(array: Any, mask: Any) -> AnyArray:
    """`array` with nulls where `mask` is true."""
    left: AnyArray = _compute.if_else(mask, pa.scalar(None, array.type), array)
    return left


def _finer(counts: Any, unit: int, digits: int) -> Iterator[tuple[Mask, str]]:
    """Where `counts` of the `unit`-th part of a second have more than `digits` digits of its fraction."""
    if unit > 10**digits:
        step = unit // 10**digits
        whole = _compute.multiply(_compute.divide(counts, step), step)
        yield from _found(_compute.not_equal(whole, counts), _TOO_FINE.format(digits))


def _digits(column: Column | None) -> int:
    """How many of a second's fraction `column` keeps."""
    return 6 if column is None or column.precision is None or column.precision > 6 else column.precision


def _durations(array: Any, column: Column | None, how: Encoding) -> Encoded:
    counts = array.view(pa.int64())
    if not how.interval:
        return Encoded(counts, "integer")
    unit, digits = array.type.unit, _digits(column)
    refusals = list(_finer(counts, _UNITS[unit], digits))
    if unit == "ns":
        counts, unit = _compute.divide(counts, 1000), "us"
    word = {"s": " seconds", "ms": " milliseconds", "us": " microseconds"}[unit]
    return Encoded(_compute.binary_join_element_wise(counts.cast(pa.string()), word, ""), "interval", tuple(refusals))


def _intervals(array: AnyArray, column: Column | None) -> Encoded:
    texts: list[str | None] = []
    fine = []
    digits = _digits(column)
    for value in to_values(array):
        texts.append(
            None if value is None else f"{value['months']} mons {value['days']} days {value['nanoseconds'] // 1000} microseconds"
        )
        fine.append(value is not None and value["nanoseconds"] % 10 ** (9 - digits) != 0)
    return Encoded(pa.array(texts, pa.string()), "interval", tuple(_found(pa.array(fine), _TOO_FINE.format(digits))))


def _json(array: AnyArray) -> Encoded:
    dump: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    refusals: list[tuple[Mask, str]] = []
    try:
        values = to_values(array)
    except ValueError:
        values, wrong = [], dict[str, list[int]]()
        for at in range(len(array)):
            try:
                values += to_values(array.slice(at, 1))
            except ValueError as error:
                values.append(None)
                wrong.setdefault(str(error), []).append(at)
        refusals = [(pa.array([at in rows for at in range(len(array))]), reason) for reason, rows in wrong.items()]
    text: AnyArray = pa.array([None if value is None else dump(value).decode() for value in values], pa.string())
    return Encoded(text, "json", tuple(refusals))
