"""The n-th value of a key column, small and readable, and how many of them there are: keys of few values have few rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.schema import native_of

from connector_odbc.declared_type import parse

__all__ = ["counted", "labels", "length", "possible", "short"]

MANY = 1 << 40
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + "".join(map(chr, range(0xC0, 0x100)))
_DAYS = (date.max - date(2001, 1, 1)).days


def possible(field: pa.Field[pa.DataType]) -> int:
    """How many values :func:`counted` has for a key column; those for smaller numbers are all different."""
    kind: Any = field.type
    kinds = pa.types
    if kinds.is_boolean(kind):
        return 2
    if kinds.is_integer(kind):
        return int(2 ** (kind.bit_width - kinds.is_signed_integer(kind))) - 1
    if kinds.is_floating(kind):
        return int(2 ** {16: 11, 32: 24, 64: 53}[kind.bit_width])
    if kinds.is_decimal(kind):
        return int(10**kind.precision) - 1 if kind.precision - kind.scale < 6 else MANY
    if kinds.is_date(kind):
        return _DAYS
    if kinds.is_time(kind):
        return 24 * 60 * 60
    if kinds.is_timestamp(kind):
        return MANY
    known, room = labels(field), length(field)
    if known:
        return len(known)
    if room is None or room > 6:
        return MANY
    return int((256 if kinds.is_binary(kind) else len(_LETTERS)) ** room)


def counted(field: pa.Field[pa.DataType], number: int) -> Any:
    """The `number`-th value of a key column, within its declared length; they begin again after :func:`possible`."""
    number %= possible(field)
    kind: Any = field.type
    kinds = pa.types
    if kinds.is_boolean(kind):
        return number % 2 == 0
    if kinds.is_integer(kind):
        return number + 1
    if kinds.is_floating(kind):
        return float(number + 1)
    if kinds.is_decimal(kind):
        digits = number + 1 if kind.precision - kind.scale < 6 else (number + 1) * 10 ** max(0, kind.scale)
        return Decimal(f"{digits}e{-kind.scale}")
    if kinds.is_date(kind):
        return date(2001, 1, 1) + timedelta(days=number)
    if kinds.is_timestamp(kind):
        return datetime(2001, 1, 1, tzinfo=UTC if kind.tz else None) + timedelta(seconds=number)
    if kinds.is_time(kind):
        return time(number // 3600, number // 60 % 60, number % 60)
    known, room = labels(field), length(field)
    if known:
        return known[number]
    text = f"{field.name[:1]}{number:05d}"
    if kinds.is_binary(kind):
        return text.encode() if room is None or room >= len(text.encode()) else number.to_bytes(max(room, 6), "big")[-room:]
    return text if room is None or room >= len(text) else short(number, room)


def short(number: int, room: int) -> str:
    """As many numbers as fit into so many letters."""
    text = ""
    for _ in range(room):
        number, letter = divmod(number, len(_LETTERS))
        text = _LETTERS[letter] + text
    return text


def length(field: pa.Field[pa.DataType]) -> int | None:
    """How long its text or bytes may be, as its native type says."""
    native = native_of(field)
    return None if native is None else parse(native).length


def labels(field: pa.Field[pa.DataType]) -> list[str]:
    """The values of an enumerated type, as MariaDB writes it; of other types none."""
    native = native_of(field) or ""
    if not native.lower().startswith("enum("):
        return []
    return [part.strip().strip("'") for part in native[len("enum(") :].removesuffix(")").split(",")]
