"""Values as people write them: marks and signs of numbers, formats of dates, clocks of a time zone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.layout import Delimited, Field

from tests.sdk.formats.delimited_text import B, blocks, layout, rejected, rows, written


def numbers(words: list[str], kind: pa.DataType, **how: Any) -> tuple[list[str], list[str]]:
    """The values of good words, and the bad words."""
    of = layout(Delimited(header=0, delimiter="~"), Field(name="n", type=kind, **how), B)
    found = blocks(of, "".join(f"{word}~x\n" for word in words).encode())
    return [str(row[0]) for row in rows(found)], [r.raw.decode().partition("~")[0] for r in rejected(found)]


CASH = pa.decimal128(12, 2)


@pytest.mark.parametrize(
    ("how", "words", "values", "bad"),
    [
        ({"marks": ("%",)}, ["12.5%", "12.5 %", "-3%", "7", "%", "%%"], ["12.50", "12.50", "-3.00", "7.00"], ["%", "%%"]),
        (
            {"marks": ("$", "USD")},
            ["$5", "-$5", "$-5", "5 USD", "$5 USD", "$"],
            ["5.00", "-5.00", "-5.00", "5.00", "5.00"],
            ["$"],
        ),
        (
            {"marks": ("€", "EUR"), "decimal": ",", "group": "."},
            ["€ 1.234,50", "1.234,50\u00a0€", "-0,01 EUR", "EUR7", "1,5 £"],
            ["1234.50", "1234.50", "-0.01", "7.00"],
            ["1,5 £"],
        ),
        (
            {"negative": "parentheses", "marks": ("$",)},
            ["(1.23)", "($1.23)", "$(1.23)", "(1.23) $", "-1", "( 4 )", "(-1)", "(1", "()"],
            ["-1.23", "-1.23", "-1.23", "-1.23", "-1.00", "-4.00"],
            ["(-1)", "(1", "()"],
        ),
        (
            {"negative": "trailing", "marks": ("EUR",)},
            ["1.23-", "1.23 -", "5 EUR-", "5- EUR", "-2", "-1-", "-", "1--"],
            ["-1.23", "-1.23", "-5.00", "-5.00", "-2.00"],
            ["-1-", "-", "1--"],
        ),
        ({}, ["(1)", "1-", "5%"], [], ["(1)", "1-", "5%"]),
    ],
)
def test_marks_and_signs_of_numbers(how: dict[str, Any], words: list[str], values: list[str], bad: list[str]) -> None:
    words, values = ["8", *words], ["8.00", *values]
    assert numbers(words, CASH, **how) == (values, bad)


def test_marks_are_for_numbers_only() -> None:
    with pytest.raises(ConfigError, match="only numbers have"):
        blocks(layout(Delimited(), Field(name="a", type=pa.string(), marks=("%",))), b"a\n")


@pytest.mark.parametrize(
    ("kind", "formats", "words", "values", "bad"),
    [
        (
            pa.date32(),
            ("%d.%m.%Y", "%Y-%m-%d", "%d %b %Y", "%d %B %Y"),
            ["1.2.2024", "2024-02-01", "1 Feb 2024", "01 FEBRUARY 2024", "1 Febr 2024", "30.2.2024", "1.2.24"],
            ["2024-02-01"] * 4,
            ["1 Febr 2024", "30.2.2024", "1.2.24"],
        ),
        (
            pa.date32(),
            ("%d%m%y",),
            ["010224", "311299", "1224", "11224", "320124"],
            ["2024-02-01", "1999-12-31"],
            ["1224", "11224", "320124"],
        ),
        (pa.date32(), ("%Y%m%d",), ["20240201", "2024111", "202411"], ["2024-02-01"], ["2024111", "202411"]),
        (
            pa.timestamp("us", "UTC"),
            ("%Y-%m-%d %H:%M%z", "%Y-%m-%d %H:%M %z"),
            [
                "2024-02-01 12:00Z",
                "2024-02-01 12:00 +02:00",
                "2024-02-01 12:00-0330",
                "2024-02-01 12:00+02",
                "2024-02-01 12:00+25",
            ],
            [f"2024-02-01 {hour}:00+00:00" for hour in ("12:00", "10:00", "15:30", "10:00")],
            ["2024-02-01 12:00+25"],
        ),
        (
            pa.timestamp("s"),
            ("%m/%d/%Y %I:%M %p",),
            ["2/1/2024 12:05 am", "2/1/2024 12:05 PM", "2/1/2024 1:05 pm", "2/1/2024 13:05 PM", "2/1/2024 0:05 AM"],
            [f"2024-02-01 {hour}:05:00" for hour in ("00", "12", "13")],
            ["2/1/2024 13:05 PM", "2/1/2024 0:05 AM"],
        ),
    ],
)
def test_dates_by_their_formats(
    kind: pa.DataType, formats: tuple[str, ...], words: list[str], values: list[str], bad: list[str]
) -> None:
    assert numbers(words, kind, format=formats) == (values, bad)


def test_a_clock_time_of_a_zone_is_an_instant_unless_that_clock_skipped_it() -> None:
    words = ["31.03.2024 01:59", "31.03.2024 02:30", "31.03.2024 03:00", "27.10.2024 02:30", "01.07.2024 12:00"]
    assert numbers(words, pa.timestamp("us", "UTC"), zone="Europe/Berlin", format=("%d.%m.%Y %H:%M",)) == (
        [f"2024-{moment}:00+00:00" for moment in ("03-31 00:59", "03-31 01:00", "10-27 00:30", "07-01 10:00")],
        ["31.03.2024 02:30"],
    )
    words = ["2024-07-01T12:00:00", "2024-07-01 12:00:00.5", "2024-07-01T12:00:00Z", "9999-12-31 23:59:59"]
    assert numbers(words, pa.timestamp("us", "UTC"), zone="America/New_York") == (
        ["2024-07-01 16:00:00+00:00", "2024-07-01 16:00:00.500000+00:00"],
        words[2:],
    )


def test_a_skipped_clock_time_is_told_with_its_zone() -> None:
    of = layout(Delimited(header=0), Field(name="a", type=pa.timestamp("us", "UTC"), zone="Europe/Berlin"), B)
    (reject,) = rejected(blocks(of, b"2024-03-31 02:30:00,x\n2024-03-31 03:30:00,x\n"))
    assert reject.reason == "'2024-03-31 02:30:00' is no timestamp[us, UTC] on a clock of Europe/Berlin"


def test_the_second_of_two_same_clock_times_is_not_written() -> None:
    of = layout(Delimited(header=0), Field(name="a", type=pa.timestamp("us", "UTC"), zone="Europe/Berlin"))
    good, bad = (dt.datetime(2024, 10, 27, hour, 30, tzinfo=dt.UTC) for hour in (0, 1))
    assert written(of, pa.RecordBatch.from_pydict({"a": [good]})) == b"2024-10-27 02:30:00.000000\n"
    with pytest.raises(DataError, match="the clock of Europe/Berlin shows twice"):
        written(of, pa.RecordBatch.from_pydict({"a": [bad]}))
