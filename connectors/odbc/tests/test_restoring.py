"""Restoring: whatever value, in the text that a server writes of it, comes back as itself; what is none is refused alone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_odbc import restoring
from connector_odbc.key_text import key_text
from connector_odbc.typed import Restored
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=60, deadline=None)
JUNK = ("NaN", "infinity", "-infinity", "0044-03-15 BC", "12024-01-01 00:00:00", "", "24:00:00", "x", " 1")


def beside(values: Sequence[Any], restored: Restored, bad: Sequence[bool]) -> None:
    """Those that are not `bad` are `values`, the others null and refused."""
    assert restored.values.to_pylist() == [None if wrong else value for value, wrong in zip(values, bad, strict=True)]
    mask = [False] * len(values) if restored.refused is None else restored.refused.to_pylist()
    assert mask == list(bad)


def mixed(values: Any) -> Any:
    """Lists of values, null among them, with places where junk is put in."""
    return st.lists(st.tuples(st.none() | values, st.none() | st.sampled_from(JUNK)), max_size=12)


def texts(pairs: Sequence[tuple[Any, str | None]], write: Any) -> tuple[list[Any], Any, list[bool]]:
    values = [value for value, _ in pairs]
    written = [junk if junk is not None else None if value is None else write(value) for value, junk in pairs]
    return values, pa.array(written, pa.string()), [junk is not None for _, junk in pairs]


@few
@given(mixed(st.datetimes()))
def test_timestamps(pairs: list[Any]) -> None:
    values, fetched, bad = texts(pairs, lambda value: value.isoformat(" "))
    beside(values, restoring.timestamps(pa.timestamp("us"))(fetched), bad)
    aware = [None if value is None else value.replace(tzinfo=UTC) for value in values]
    beside(aware, restoring.timestamps(pa.timestamp("us", "UTC"))(fetched), bad)


@few
@given(mixed(st.dates()))
def test_dates(pairs: list[Any]) -> None:
    values, fetched, bad = texts(pairs, date.isoformat)
    beside(values, restoring.timestamps(pa.date32())(fetched), bad)


@few
@given(mixed(st.times()))
def test_times_of_day(pairs: list[Any]) -> None:
    values, fetched, bad = texts(pairs, time.isoformat)
    beside(values, restoring.of_day(fetched), bad)


@few
@given(mixed(st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20)))
def test_decimals(pairs: list[Any]) -> None:
    values, fetched, bad = texts(pairs, lambda value: f"{value:f}")
    beside(values, restoring.decimals(pa.decimal128(30, 5))(fetched), bad)


@few
@given(st.lists(st.floats(width=32, allow_nan=False) | st.none()))
def test_floats_that_were_widened(values: list[Any]) -> None:
    beside(values, restoring.narrowed(pa.float32())(pa.array(values, pa.float64())), [False] * len(values))


@few
@given(st.lists(st.integers(0, 2**64 - 1) | st.none()))
def test_unsigned_integers(values: list[Any]) -> None:
    wide = pa.array([None if value is None else Decimal(value) for value in values], pa.decimal128(20, 0))
    beside(values, restoring.narrowed(pa.uint64())(wide), [False] * len(values))
    beside(values, restoring.narrowed(pa.uint32())(wide), [value is not None and value > 2**32 - 1 for value in values])


@few
@given(st.lists(st.binary() | st.none()), st.integers(0, 3))
def test_hexadecimal(values: list[Any], skip: int) -> None:
    digits = pa.array([None if value is None else value.hex() for value in values], pa.string())
    beside(values[skip:], restoring.hexadecimal(digits.slice(min(skip, len(values)))), [False] * len(values[skip:]))
    beside([None], restoring.hexadecimal(pa.array(["0g"])), [True])
    beside([None], restoring.hexadecimal(pa.array(["000"])), [True])


@few
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["\x01", "\x01t41", "a\0b"]) | st.none()))
def test_texts_in_which_what_drivers_cut_is_escaped(values: list[Any]) -> None:
    escaped = [
        None if value is None else f"\x01t{value.encode().hex()}" if "\0" in value or value.startswith("\x01") else value
        for value in values
    ]
    beside(values, restoring.unescaped(pa.array(escaped, pa.string())), [False] * len(values))


@few
@given(st.lists(st.datetimes() | st.none()))
def test_moments_that_were_counted(values: list[Any]) -> None:
    first = datetime(1, 1, 1)
    counted = [None if value is None else (value - first) // timedelta(microseconds=1) + 366 * 86_400_000_000 for value in values]
    beside(values, restoring.microseconds(pa.timestamp("us"))(pa.array(counted, pa.int64())), [False] * len(values))


def test_moments_that_are_none_show_their_digits() -> None:
    found = restoring.microseconds(pa.timestamp("us"))(pa.array([-1, -1 - 20240015100000, None, 63871459200000000], pa.int64()))
    assert found.refused is not None and found.refused.to_pylist() == [True, True, False, False]
    assert found.raw is not None and found.raw.to_pylist()[:2] == ["0000-00-00 00:00:00", "2024-00-15 10:00:00"]
    assert restoring.days()(pa.array([-1])).raw.to_pylist() == ["0000-00-00"]  # type: ignore[union-attr]


@few
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**18), max_value=10**18)))
def test_decimals_kept_as_floats_are_exact_or_refused(values: list[Decimal]) -> None:
    restored = restoring.reals_as_decimals(pa.decimal128(38, 2))(
        pa.array([f"~{float(value):.20g}" for value in values], pa.string())
    )
    for number, value in enumerate(values):
        found = restored.values[number].as_py()
        refused = restored.refused is not None and restored.refused[number].as_py()
        assert found == value or (refused and found is None and abs(value) >= 10**13)


@few
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_twenty_digits_tell_every_double(value: float) -> None:
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        [(text,)] = connection.execute("SELECT printf('%!.20g', ?)", (value,)).fetchall()
    found = restoring.parsed(pa.float64(), "")(pa.array([text])).values[0].as_py()
    assert struct.pack("<d", found) == struct.pack("<d", value) or found == value == 0


@given(st.integers() | st.dates() | st.datetimes() | st.decimals(allow_nan=False, allow_infinity=False) | st.text() | st.binary())
def test_keys_that_differ_differ_as_text(value: Any) -> None:
    text = key_text(value)
    if isinstance(value, str):
        assert text == (None if "\0" in value else value)
    elif isinstance(value, bytes):
        assert text is not None and bytes.fromhex(text) == value
    else:
        assert text is not None and type(value)(text) == value if isinstance(value, int | Decimal) else True
        if isinstance(value, datetime):
            assert datetime.fromisoformat(str(text)) == value
