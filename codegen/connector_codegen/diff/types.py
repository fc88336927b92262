"""Whether the values of one type have their place in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from connector_sdk.types import to_text

from connector_codegen.diff.verdict import Verdict
from connector_codegen.model import Many, Named, Type

__all__ = ["retyped", "text_of"]

_UNITS = ("s", "ms", "us", "ns")
# Decimal digits that hold every value of an integer type of so many bits.
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}


def text_of(kind: Type) -> str:
    """The type as a person reads it."""
    if isinstance(kind, Named):
        return kind.name
    return f"list of {text_of(kind.of)}" if isinstance(kind, Many) else to_text(kind)


def retyped(old: Type, new: Type) -> Verdict:
    """What it means that a field of type `old` is now of type `new`."""
    if old == new:
        return Verdict.COMPATIBLE
    if isinstance(old, Many) and isinstance(new, Many):
        return retyped(old.of, new.of)
    if isinstance(new, Many):
        return Verdict.LOSING if retyped(old, new.of) is Verdict.LOSING else Verdict.BREAKING
    if not (isinstance(old, pa.DataType) and isinstance(new, pa.DataType)):
        return Verdict.LOSING
    if pa.types.is_null(old):
        return Verdict.COMPATIBLE
    return _ARROW.get((_kind(old), _kind(new)), _never)(old, new)


def _kind(kind: pa.DataType) -> str:
    return next((word for word, test in _KINDS.items() if test(kind)), "other")


_KINDS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "bool": pa.types.is_boolean,
    "int": pa.types.is_integer,
    "float": pa.types.is_floating,
    "decimal": pa.types.is_decimal,
    "text": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind),
    "binary": lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
    "date": pa.types.is_date,
    "time": pa.types.is_time,
    "timestamp": pa.types.is_timestamp,
    "duration": pa.types.is_duration,
}


def _same(_old: Any, _new: Any) -> Verdict:
    return Verdict.COMPATIBLE


def _another_kind(_old: Any, _new: Any) -> Verdict:
    return Verdict.BREAKING


def _never(_old: Any, _new: Any) -> Verdict:
    return Verdict.LOSING


def _fits(fits: bool, otherwise: Verdict = Verdict.COMPATIBLE) -> Verdict:
    return otherwise if fits else Verdict.LOSING


def _integers(old: Any, new: Any) -> Verdict:
    was_signed, is_signed = pa.types.is_signed_integer(old), pa.types.is_signed_integer(new)
    room = new.bit_width - (is_signed and not was_signed)
    return _fits(room >= old.bit_width and (is_signed or not was_signed))


def _integer_to_decimal(old: Any, new: Any) -> Verdict:
    return _fits(new.precision - new.scale >= _DIGITS[old.bit_width], Verdict.BREAKING)


def _integer_to_float(old: Any, new: Any) -> Verdict:
    return _fits(old.bit_width < {16: 11, 32: 24, 64: 53}[new.bit_width], Verdict.BREAKING)


def _widths(old: Any, new: Any) -> Verdict:
    return _fits(new.bit_width >= old.bit_width)


def _decimals(old: Any, new: Any) -> Verdict:
    return _fits(new.scale >= old.scale and new.precision - new.scale >= old.precision - old.scale)


def _units(old: Any, new: Any) -> Verdict:
    return _fits(_UNITS.index(new.unit) >= _UNITS.index(old.unit))


def _timestamps(old: Any, new: Any) -> Verdict:
    # Nanoseconds reach from 1677 to 2262 only.
    finer = _units(old, new) is Verdict.COMPATIBLE and (new.unit != "ns" or old.unit == "ns")
    if not finer or (old.tz is not None and new.tz is None):
        return Verdict.LOSING
    return Verdict.COMPATIBLE if old.tz == new.tz else Verdict.BREAKING


def _date_to_timestamp(_old: Any, new: Any) -> Verdict:
    return _fits(new.unit != "ns", Verdict.BREAKING)


# Everything that is not here loses values. All can be written as text, but code that met numbers then meets text.
_ARROW: Mapping[tuple[str, str], Callable[[Any, Any], Verdict]] = {
    **{(word, "text"): _another_kind for word in _KINDS if word != "binary"},
    ("text", "text"): _same,
    ("text", "binary"): _another_kind,
    ("binary", "binary"): _same,
    ("bool", "bool"): _same,
    ("bool", "int"): _another_kind,
    ("date", "date"): _same,
    ("int", "int"): _integers,
    ("int", "decimal"): _integer_to_decimal,
    ("int", "float"): _integer_to_float,
    ("float", "float"): _widths,
    ("decimal", "decimal"): _decimals,
    ("time", "time"): _units,
    ("duration", "duration"): _units,
    ("date", "timestamp"): _date_to_timestamp,
    ("timestamp", "timestamp"): _timestamps,
}
