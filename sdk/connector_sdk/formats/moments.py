"""Dates and times written by a pattern (``%d.%m.%Y``): whole columns at once, both ways, and never a day that does not exist.

Arrow's own `strptime` takes 31.02.2020 for March and ignores what follows the pattern, so it is not used. Directives, as in
Python: ``%d %m %Y %y %j %H %I %M %S %f %p %b %B %z %%``. Two-digit years follow POSIX: 69–99 are 1969–1999. Day, month and
clock may lack their leading zero (``1.2.2024``), save right beside other digits, where ``2024111`` could be two days. Months have
their English names; ``%z`` is ``Z``, ``+0200``, ``+02:00`` or ``+02``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import ConfigError

__all__ = ["DIGITS", "check_pattern", "days_since_1970", "month_length", "parse_moments", "render_moments", "tokens"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_PARTS = {
    "d": r"\d{1,2}", "m": r"\d{1,2}", "Y": r"\d{4}", "y": r"\d{2}", "H": r"\d{1,2}", "I": r"\d{1,2}", "M": r"\d{1,2}",
    "S": r"\d{1,2}", "j": r"\d{3}", "f": r"\d{1,9}", "p": r"[AaPp][Mm]", "b": r"[A-Za-z]{3}", "B": r"[A-Za-z]{3,9}",
    "z": r"Z|[+-]\d\d(?::?\d\d)?",
}  # fmt: skip
_SHORT = "dmHIMS"
"""What may lack its leading zero."""
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Decimal places of a second by unit."""
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@lru_cache(maxsize=256)
def tokens(pattern: str) -> tuple[tuple[bool, str], ...]:
    """The pattern as (is a directive, letter or literal) pairs. Raises ConfigError for a directive that is not known."""
    found: list[tuple[bool, str]] = []
    position = 0
    while position < len(pattern):
        if pattern[position] != "%":
            found.append((False, pattern[position]))
            position += 1
            continue
        letter = pattern[position + 1 : position + 2]
        if letter == "%":
            found.append((False, "%"))
        elif letter in _PARTS and letter:
            found.append((True, letter))
        else:
            raise ConfigError(
                f"the date format {pattern!r} has %{letter}", hint=f"known: {' '.join('%' + k for k in _PARTS)} %%", code="layout"
            )
        position += 2
    letters = [letter for directive, letter in found if directive]
    if not letters or len(set(letters)) != len(letters):
        raise ConfigError(f"the date format {pattern!r} names nothing, or something twice", code="layout")
    return tuple(found)


def check_pattern(pattern: str, kind: pa.DataType) -> None:
    """Raises ConfigError when `pattern` has unknown directives, or not those that values of `kind` need."""
    letters = {letter for directive, letter in tokens(pattern) if directive}
    within_year = ("d" in letters and bool(letters & set("mbB"))) != ("j" in letters)
    day = (within_year and bool(letters & set("Yy"))) or pa.types.is_time(kind)
    hour = bool(letters & set("HI")) or not pa.types.is_time(kind)
    zone = not pa.types.is_timestamp(kind) or (kind.tz is not None) == ("z" in letters)
    twelve = ("I" in letters) == ("p" in letters)
    if not (day and hour and zone and twelve):
        raise ConfigError(f"the date format {pattern!r} does not say a whole {kind}", code="layout")


@lru_cache(maxsize=256)
def _regex(pattern: str) -> str:
    parts = tokens(pattern)
    digits = [t not in "pbBz" if directive else t.isdigit() for directive, t in parts]
    found = []
    for at, (directive, t) in enumerate(parts):
        beside = any(digits[max(at - 1, 0) : at] + digits[at + 1 : at + 2])
        shape = r"\d\d" if t in _SHORT and beside else _PARTS.get(t, "")
        found.append(f"(?P<{t}>{shape})" if directive else _SPECIAL.sub(r"\\\1", t))
    return f"^{''.join(found)}$"


def parse_moments(text: Any, pattern: str, kind: pa.DataType) -> tuple[pa.Array[Any], Bools]:
    """`text` read by `pattern` as dates, times or timestamps; the mask says which values (not nulls) it does not fit."""
    parts = pc.extract_regex(text, _regex(pattern))
    fits = _bools(parts.is_valid())
    absent = ~_bools(text.is_valid())
    letters = {field.name for field in parts.type}

    def number(letter: str, default: int) -> Ints:
        if letter not in letters:
            return np.full(len(text), default, dtype=np.int64)
        words = parts.field(letter)
        return _ints(pc.if_else(parts.is_valid(), words, str(default)).cast(pa.int64()))

    year = number("Y", 1970)
    if "y" in letters:
        short = number("y", 70)
        year = np.where(short < 69, 2000 + short, 1900 + short)
    month = number("m", 1)
    for letter in letters & {"b", "B"}:
        names = pa.array([name[:3] if letter == "b" else name for name in _MONTHS])
        place = pc.index_in(pc.utf8_lower(parts.field(letter)), names)
        month = _ints(pc.fill_null(place, -1).cast(pa.int64())) + 1
    day, minute, second = number("d", 1), number("M", 0), number("S", 0)
    hour = number("H", 0)
    if "I" in letters:
        half = number("I", 12)
        fits &= (half >= 1) & (half <= 12)
        after = _bools(pc.fill_null(pc.equal(pc.utf8_lower(parts.field("p")), "pm"), False))
        hour = half % 12 + 12 * after
    fraction = np.zeros(len(text), dtype=np.int64)
    if "f" in letters:
        digits = pc.utf8_rpad(pc.if_else(parts.is_valid(), parts.field("f"), "0"), 9, "0")
        fraction = _ints(digits.cast(pa.int64()))
    shift = np.zeros(len(text), dtype=np.int64)
    if "z" in letters:
        zone = pc.replace_substring(pc.if_else(pc.equal(parts.field("z"), "Z"), "+0000", parts.field("z")), ":", "")
        sign = np.where(_bools(pc.fill_null(pc.starts_with(zone, "-"), False)), -1, 1)
        zone = pc.if_else(parts.is_valid(), pc.utf8_rpad(pc.utf8_slice_codeunits(zone, 1), 4, "0"), "0000")
        clock = _ints(zone.cast(pa.int64()))
        fits &= (clock // 100 < 24) & (clock % 100 < 60)
        shift = sign * (clock // 100 * 3600 + clock % 100 * 60)

    fits &= (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60) & (year >= 1)
    fits &= day <= month_length(year, np.where(fits, month, 1))
    if "j" in letters:
        of_year = number("j", 1)
        fits &= (of_year >= 1) & (of_year <= 337 + month_length(year, np.full(len(text), 2)))
        day = of_year  # of January, so to speak
    seconds = hour * 3600 + minute * 60 + second - shift
    days = days_since_1970(year, np.where(fits, month, 1), day)
    if pa.types.is_date(kind):
        values = pa.array(days, pa.int64(), mask=~fits).cast(pa.int32()).cast(pa.date32()).cast(kind)
        return values, ~fits & ~absent
    places = DIGITS[_unit(kind)]
    fits &= fraction % 10 ** (9 - places) == 0
    ticks = seconds * 10**places + fraction // 10 ** (9 - places)
    if pa.types.is_time(kind):
        return pa.array(ticks, pa.int64(), mask=~fits).cast(pa.int32() if places < 6 else pa.int64()).cast(kind), ~fits & ~absent
    if _unit(kind) == "ns":
        fits &= (days > -106_751) & (days < 106_751)
    return pa.array(days * 86_400 * 10**places + ticks, pa.int64(), mask=~fits).cast(kind), ~fits & ~absent


def render_moments(values: pa.Array[Any], pattern: str) -> Any:
    """Dates, times or timestamps as text in `pattern`; timestamps with a zone are written in UTC."""
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = values.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
    clock = values.cast(pa.timestamp("s")) if pa.types.is_date(kind) else values

    def padded(number: Any, width: int) -> Any:
        return pc.utf8_lpad(number.cast(pa.int64()).cast(pa.string()), width, "0")

    def part(letter: str) -> Any:
        match letter:
            case "Y":
                return padded(pc.year(clock), 4)
            case "y":
                return padded(pa.array(_ints(pc.fill_null(pc.year(clock), 0).cast(pa.int64())) % 100), 2)
            case "m":
                return padded(pc.month(clock), 2)
            case "b" | "B":
                names = pa.array([name.capitalize()[: 3 if letter == "b" else 9] for name in _MONTHS])
                return names.take(pc.subtract(pc.month(clock), 1))
            case "d":
                return padded(pc.day(clock), 2)
            case "j":
                return padded(pc.day_of_year(clock), 3)
            case "H":
                return padded(pc.hour(clock), 2)
            case "I":
                hour = _ints(pc.fill_null(pc.hour(clock), 0).cast(pa.int64()))
                return padded(pa.array((hour + 11) % 12 + 1), 2)
            case "p":
                return pc.if_else(pc.less(pc.hour(clock), 12), "AM", "PM")
            case "M":
                return padded(pc.minute(clock), 2)
            case "S":
                return padded(pc.second(clock), 2)
            case "f":
                whole = pc.add(
                    pc.add(pc.multiply(pc.millisecond(clock), 1_000_000), pc.multiply(pc.microsecond(clock), 1000)),
                    pc.nanosecond(clock),
                )
                return pc.utf8_slice_codeunits(padded(whole, 9), 0, max(DIGITS[_unit(kind)], 1))
            case _:
                return "+0000"

    pieces = [part(token) if directive else token for directive, token in tokens(pattern)]
    joined = pc.binary_join_element_wise(*pieces, "")
    return pc.if_else(values.is_valid(), joined, pa.scalar(None, pa.string()))


def _unit(kind: pa.DataType) -> str:
    return str(getattr(kind, "unit", "s"))


def days_since_1970(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, chrono-compatible low-level date algorithms)."""
    year = np.where(month <= 2, year - 1, year)
    era = year // 400
    in_era = year - era * 400
    in_year = (153 * np.where(month > 2, month - 3, month + 9) + 2) // 5 + day - 1
    found: Ints = era * 146_097 + in_era * 365 + in_era // 4 - in_era // 100 + in_year - 719_468
    return found


def month_length(year: Ints, month: Ints) -> Ints:
    lengths = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[month - 1]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    found: Ints = np.where(leap & (month == 2), 29, lengths)
    return found


def _ints(values: Any) -> Ints:
    found: Ints = values.to_numpy(zero_copy_only=False)
    return found


def _bools(values: Any) -> Bools:
    found: Bools = np.array(values.to_numpy(zero_copy_only=False), dtype=bool)
    return found
