"""Plausible and awkward rows for any schema: the same for the same seed, with keys that are unique."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connector_sdk.schema import Stream

__all__ = ["row", "value"]

TEXTS = (
    "plain",
    "",
    " leading and trailing ",
    "007",
    'she said "no"',
    "semi;colon, comma\ttab",
    "two\nlines",
    "Müller & Søn – 東京 🚚",
    "NULL",
    "-",
    "1.5",
    "=1+1",
    "x" * 200,
)
BYTES = (b"", b"\x00\xff\x00", b"plain", bytes(range(256)))


def row(stream: Stream, number: int, seed: int = 0, *, tick: int | None = None) -> dict[str, Any]:
    """The row `number` of `stream`. Keys follow from `number` alone, the cursor from `tick`, the rest from both numbers."""
    rng = random.Random(f"{stream.name}/{number}/{seed}")  # noqa: S311 - sample data
    result: dict[str, Any] = {}
    for field in stream.schema:
        if field.name in stream.keys:
            result[field.name] = _counted(field.type, number)
        elif field.name == stream.cursor:
            result[field.name] = _counted(field.type, number if tick is None else tick)
        elif field.nullable and rng.random() < 0.1:
            result[field.name] = None
        else:
            result[field.name] = value(field.type, rng)
    return result


def _counted(arrow: pa.DataType, number: int) -> Any:
    """The `number`-th value of a type, growing with it where the type is ordered."""
    kinds = pa.types
    if kinds.is_integer(arrow):
        return number
    if kinds.is_decimal(arrow):
        return Decimal(f"{number}e{-arrow.scale}")
    if kinds.is_floating(arrow):
        return float(number)
    if kinds.is_date(arrow):
        return date(2001, 1, 1) + timedelta(days=number)
    if kinds.is_timestamp(arrow):
        return datetime(2001, 1, 1, tzinfo=UTC if arrow.tz else None) + timedelta(seconds=number)
    if kinds.is_time(arrow):
        return (datetime(2001, 1, 1) + timedelta(seconds=number)).time()  # noqa: DTZ001 - a time has no zone
    if kinds.is_binary(arrow) or kinds.is_large_binary(arrow):
        return b"k%06d" % number
    return f"k{number:06d}"


def value(arrow: pa.DataType, rng: random.Random) -> Any:
    """One value of a type, at its edges more often than chance would have it. Times are whole microseconds or coarser."""
    kinds = pa.types
    if kinds.is_boolean(arrow):
        return rng.random() < 0.5
    if kinds.is_integer(arrow):
        bits = arrow.bit_width - (0 if kinds.is_unsigned_integer(arrow) else 1)
        low = 0 if kinds.is_unsigned_integer(arrow) else -(2**bits)
        return rng.choice((0, 1, low, 2**bits - 1, rng.randrange(low, 2**bits)))
    if kinds.is_decimal(arrow):
        digits = "9" * arrow.precision if rng.random() < 0.2 else str(rng.randrange(10 ** min(arrow.precision, 18)))
        return Decimal(f"{rng.choice(('', '-'))}{digits}e{-arrow.scale}")  # exact, whatever the decimal context
    if kinds.is_float32(arrow) or kinds.is_float16(arrow):
        return rng.choice((0.0, -1.5, 0.25, 1024.0))
    if kinds.is_floating(arrow):
        return rng.choice((0.0, -1.5, 0.1, 1e-300, 1.7976931348623157e308, rng.gauss(0, 1e6)))
    if kinds.is_date(arrow):
        return date(1900, 1, 1) + timedelta(days=rng.randrange(73_000))
    if kinds.is_timestamp(arrow):
        coarse = {"s": 1_000_000, "ms": 1_000}.get(arrow.unit, 1)
        moment = timedelta(microseconds=rng.randrange(4_000_000_000_000_000) // coarse * coarse)
        return datetime(1970, 1, 1, tzinfo=UTC if arrow.tz else None) + moment
    if kinds.is_time(arrow):
        micros = rng.randrange(1_000_000) if arrow.unit in ("us", "ns") else 0
        return time(rng.randrange(24), rng.randrange(60), rng.randrange(60), micros)
    if kinds.is_list(arrow) or kinds.is_large_list(arrow):
        return [value(arrow.value_type, rng) for _ in range(rng.randrange(3))]
    if kinds.is_struct(arrow):
        return {arrow.field(i).name: value(arrow.field(i).type, rng) for i in range(arrow.num_fields)}
    if kinds.is_fixed_size_binary(arrow):
        return rng.randbytes(arrow.byte_width)
    if kinds.is_binary(arrow) or kinds.is_large_binary(arrow):
        return rng.choice(BYTES)
    return rng.choice(TEXTS)
