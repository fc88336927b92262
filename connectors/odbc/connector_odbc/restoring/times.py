"""Dates and times as they were, from text in ISO 8601's order or from counts; in the years 1 to 9999, which all can show."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

from connector_odbc.restoring.parsing import refusing
from connector_odbc.typed import AnyArray, Restore, Restored

__all__ = ["days", "microseconds", "of_day", "timestamps"]

pc: Any = pyarrow.compute

OUTSIDE = "it is no moment between the years 1 and 9999 with at most microseconds"
_FIRST, _LAST = -62135596800_000_000, 253402300799_999_999  # 0001-01-01 and 9999-12-31, in microseconds of 1970
_YEAR_ZERO_SECONDS = 62167219200  # TO_SECONDS('1970-01-01')
_YEAR_ZERO_DAYS = 719528  # TO_DAYS('1970-01-01')


def timestamps(type: Any, *, zoned_text: bool = False) -> Restore:  # noqa: A002 - the field's word
    """Text to date32 or timestamp[us]. Of a type with a zone, the text is in UTC, or with `zoned_text` says its own offset."""
    plain = pa.date32() if pa.types.is_date(type) else pa.timestamp("us", "UTC" if zoned_text else None)
    count = pa.int32() if pa.types.is_date(type) else pa.int64()
    first, last = (_FIRST // 86_400_000_000, _LAST // 86_400_000_000) if pa.types.is_date(type) else (_FIRST, _LAST)

    def convert(fetched: AnyArray) -> AnyArray:
        values: Any = fetched.cast(plain)
        edges = pc.min_max(values.view(count)).as_py()
        if edges["min"] is not None and not first <= edges["min"] <= edges["max"] <= last:
            raise pa.ArrowInvalid("outside of the years 1 to 9999")
        return cast("AnyArray", values.cast(type))

    return refusing(convert, type, OUTSIDE)


def of_day(fetched: AnyArray) -> Restored:
    """Text to time64[us]; what is not within one day is refused."""
    return _OF_DAY(fetched)


def _of_day(fetched: AnyArray) -> AnyArray:
    whole: Any = pc.binary_join_element_wise(pa.scalar("1970-01-01"), fetched, " ")
    return cast("AnyArray", whole.cast(pa.timestamp("us")).view(pa.int64()).view(pa.time64("us")))


_OF_DAY = refusing(_of_day, pa.time64("us"), "it is no time of a day with at most microseconds")


def microseconds(type: Any) -> Restore:  # noqa: A002 - the field's word
    """Microseconds since the year 0 (MariaDB's TO_SECONDS) to timestamps; a negative number is -1 minus the digits of one that
    is none (20240015000000 is the 15th of no month)."""

    def restore(fetched: AnyArray) -> Restored:
        counted: Any = pc.subtract(fetched, _YEAR_ZERO_SECONDS * 1_000_000)
        return _within(fetched, counted, _FIRST, lambda values: values.view(pa.timestamp("us")).cast(type), 14)

    return restore


def days() -> Restore:
    """Days since the year 0 (MariaDB's TO_DAYS) to dates; a negative number is -1 minus the digits of one that is none."""

    def restore(fetched: AnyArray) -> Restored:
        counted: Any = pc.subtract(fetched, _YEAR_ZERO_DAYS)
        return _within(fetched, counted, _FIRST // 86_400_000_000, lambda values: values.cast(pa.int32()).view(pa.date32()), 8)

    return restore


def _within(fetched: AnyArray, counted: Any, first: int, convert: Any, digits: int) -> Restored:
    lowest = pc.min(counted).as_py()
    if lowest is None or lowest >= first:
        return Restored(values=convert(counted))
    wrong = pc.fill_null(pc.less(counted, first), False)
    kept = pc.if_else(wrong, pa.scalar(None, counted.type), counted)
    numbers = cast("list[int | None]", fetched.to_pylist())
    raw = [_digits(number, digits) if bad else None for number, bad in zip(numbers, wrong.to_pylist(), strict=True)]
    return Restored(values=convert(kept), refused=wrong, reason=OUTSIDE, raw=pa.array(raw, pa.string()))


def _digits(number: int | None, digits: int) -> str | None:
    if number is None or number >= 0:
        return None if number is None else f"year 0 and {number} of its units"
    text = f"{-1 - number:0{digits}d}"
    date = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return date if digits == 8 else f"{date} {text[8:10]}:{text[10:12]}:{text[12:14]}"
