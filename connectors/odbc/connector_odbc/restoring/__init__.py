"""The exact way back from what a driver hands over to the value that the database has: vectorised, and refusing where it ends."""

from __future__ import annotations

from connector_odbc.restoring.numbers import REAL_DIGITS, counted_decimals, decimals, narrowed, reals_as_decimals, truths
from connector_odbc.restoring.parsing import parsed
from connector_odbc.restoring.texts import ESCAPE, hexadecimal, unescaped
from connector_odbc.restoring.times import days, microseconds, of_day, timestamps

__all__ = [
    "ESCAPE",
    "REAL_DIGITS",
    "counted_decimals",
    "days",
    "decimals",
    "hexadecimal",
    "microseconds",
    "narrowed",
    "of_day",
    "parsed",
    "reals_as_decimals",
    "timestamps",
    "truths",
    "unescaped",
]
